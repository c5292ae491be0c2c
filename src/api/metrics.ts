/** What `/metrics` tells: requests, the store's own figures and the process, in the Prometheus text format. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ProblemCode } from '../domain/problems.js';
import type { DiskWatch, Store, StoreStats } from '../store/port.js';
import { openHistogram, SECONDS_BOUNDS } from '../telemetry/histogram.js';
import type { Meters } from '../telemetry/meters.js';
import { readHistogram } from './read-histogram.js';

export const INGEST_ROUTES = ['events', 'replay'] as const;
export type IngestRoute = (typeof INGEST_ROUTES)[number];

/** How often the configuration was read again since the start, and what came of it. */
export interface Reloads {
  applied: number;
  refused: number;
}

export interface Metrics {
  /** Counts an answer of an ingest route. On the hot path: it adds to a few numbers. */
  countIngest(route: IngestRoute, status: number, seconds: number): void;
  /** Counts the reason of an ingest route's answer that is not a 204. */
  countRefusal(route: IngestRoute, code: ProblemCode): void;
  /** Times an answer of any other route; `route` is its pattern, not its path. */
  observeRequest(route: string, method: string, status: number, seconds: number): void;
  /** The page Prometheus reads, and its media type. */
  render(): Promise<{ contentType: string; text: string }>;
}

interface MetricsOptions {
  store: Pick<Store, 'stats'>;
  hasFailed: () => boolean;
  streamReaders: () => number;
  disk: DiskWatch;
  meters: Meters;
  version: string;
  reloads: () => Reloads;
  /** Bytes of the journal's files. */
  journalBytes: () => number;
  /** Unix ms. */
  now: () => number;
}

/** These begin at 0: Prometheus sees no growth in a series that begins with its first event. */
const WATCHED_STATUSES: readonly number[] = [204, 429, 503, 507];
const WATCHED_REFUSALS: readonly ProblemCode[] = [
  'unauthorized_app',
  'rate_limited',
  'queue_full',
  'not_accepting',
  'disk_full',
  'reopening',
  'replay_budget',
  'replay_disk_full',
  'internal',
];

/** The figures of a store that does not answer in time are left out: they are not worth the whole scrape. */
const STATS_MS_MAX = 2_000;

/** The store's figures by name: those that only ever grow are counters, and have `_total` behind their name. */
const STORE_FIGURES: Record<keyof StoreStats, { help: string; grows: boolean }> = {
  commits: { help: 'Commits since start', grows: true },
  committed_batches: { help: 'Batches stored since start', grows: true },
  committed_events: { help: 'Events stored since start', grows: true },
  deduplicated_batches: {
    help: 'Batches answered from the memory of batch ids since start',
    grows: true,
  },
  late_events: {
    help: 'Events not stored because they lay below the retention fence, since start',
    grows: true,
  },
  commit_seconds: { help: 'Seconds spent in commits since start', grows: true },
  head: { help: 'The newest committed event id', grows: false },
  file_bytes: { help: 'Bytes of the data file', grows: false },
  queue_requests: { help: 'Requests waiting to be committed', grows: false },
  queue_bytes: { help: 'Bytes waiting to be committed', grows: false },
};

/** A set of metrics of its own: several servers in one process do not share figures. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'spyglass_http_request_duration_seconds',
    help: 'How long answers took, ingest apart',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const ingest = addIngest(registry);
  const { readMeters } = addCollector(registry, options);
  const showStore = addStore(registry);
  const anonymous = new Gauge({
    name: 'process_resident_anonymous_bytes',
    help: 'Resident memory that is not the mapped data file (Linux)',
    registers: [registry],
  });
  return {
    ...ingest,
    observeRequest(route, method, status, seconds) {
      requests.observe({ route, method, status }, seconds);
    },
    async render() {
      // Before the store is asked: it answers once the tables hold everything, and then nothing is behind any more.
      readMeters();
      // A store that has failed may not answer; the other figures are wanted all the more then.
      const [stats, anonymousBytes] = await Promise.all([
        Promise.race([options.store.stats(), sleep(STATS_MS_MAX, undefined, { ref: false })]).catch(
          () => undefined,
        ),
        readAnonymousBytes(),
      ]);
      if (stats !== undefined) showStore(stats);
      if (anonymousBytes !== undefined) anonymous.set(anonymousBytes);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** A counter whose series are counted elsewhere, and read at each scrape. */
function addCounter(
  registry: Registry,
  about: { name: string; help: string; labelNames: string[] },
  read: () => Iterable<readonly [labels: Record<string, string | number>, count: number]>,
): void {
  new Counter({
    ...about,
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, count] of read()) this.inc(labels, count);
    },
  });
}

/** Adds what is counted of the ingest routes. */
function addIngest(registry: Registry): Pick<Metrics, 'countIngest' | 'countRefusal'> {
  const zeros = () => new Map(WATCHED_REFUSALS.map((code) => [code, 0]));
  const refusals = { events: zeros(), replay: zeros() };
  const seconds = { events: openHistogram(SECONDS_BOUNDS), replay: openHistogram(SECONDS_BOUNDS) };
  /** How many answers there were of each status. */
  const answers = { events: new Float64Array(600), replay: new Float64Array(600) };
  addCounter(
    registry,
    {
      name: 'spyglass_ingest_requests_total',
      help: 'Answers of the ingest routes',
      labelNames: ['route', 'status'],
    },
    () =>
      INGEST_ROUTES.flatMap((route) =>
        Array.from(answers[route], (count, status) => [{ route, status }, count] as const).filter(
          ([{ status }, count]) => count > 0 || WATCHED_STATUSES.includes(status),
        ),
      ),
  );
  addCounter(
    registry,
    {
      name: 'spyglass_ingest_refusals_total',
      help: 'Answers of the ingest routes that are not a 204, by the problem they name',
      labelNames: ['route', 'code'],
    },
    () =>
      INGEST_ROUTES.flatMap((route) =>
        Array.from(refusals[route], ([code, count]) => [{ route, code }, count] as const),
      ),
  );
  registry.registerMetric(
    readHistogram(
      'spyglass_ingest_request_duration_seconds',
      'How long ingest took, from the body read to the answer',
      () => INGEST_ROUTES.map((route) => ({ labels: { route }, reading: seconds[route].read() })),
    ),
  );
  return {
    countIngest(route, status, took) {
      const byStatus = answers[route];
      byStatus[status] = (byStatus[status] ?? 0) + 1;
      seconds[route].observe(took);
    },
    countRefusal(route, code) {
      refusals[route].set(code, (refusals[route].get(code) ?? 0) + 1);
    },
  };
}

const HISTOGRAMS = {
  commit_seconds: [
    'spyglass_store_commit_duration_seconds',
    'How long commit groups took to become durable, from encoding to the end of the sync',
  ],
  sync_seconds: ['spyglass_store_sync_duration_seconds', 'How long the syncs of the journal took'],
  apply_seconds: [
    'spyglass_store_apply_duration_seconds',
    'How long transactions that fold commit groups into the tables took',
  ],
  group_requests: ['spyglass_store_group_requests', 'Requests that commit groups made durable at once'],
} as const;

/** Adds what the collector and its threads tell of themselves. */
function addCollector(registry: Registry, options: MetricsOptions): { readMeters(): void } {
  const { hasFailed, streamReaders, disk, meters, version, reloads, journalBytes, now } = options;
  let last = meters.read();
  const gauges: [name: string, help: string, read: () => number][] = [
    [
      'spyglass_store_unapplied_commits',
      'Commit groups that are durable and not in the tables yet',
      () => last.unapplied_commits,
    ],
    ['spyglass_store_unapplied_bytes', 'Bytes of these groups', () => last.unapplied_bytes],
    [
      'spyglass_store_unapplied_seconds',
      'How long the oldest of these groups has been durable',
      () => secondsSince(last.unapplied_since, now()),
    ],
    ['spyglass_store_chunks', 'Replay chunks stored', () => last.chunks],
    ['spyglass_store_chunk_bytes', 'Bytes of the replay chunks stored', () => last.chunk_bytes],
    ['spyglass_store_journal_bytes', 'Bytes of the journal files', journalBytes],
    [
      'spyglass_store_failed',
      'Whether a commit failed: nothing is accepted until a new start',
      () => Number(hasFailed()),
    ],
    ['spyglass_disk_free_bytes', 'Bytes the disk of the data folder has free', disk.freeBytes],
    [
      'spyglass_disk_takes_replays',
      'Whether the disk has room enough for replays',
      () => Number(disk.takesReplays()),
    ],
    [
      'spyglass_disk_takes_events',
      'Whether the disk has room enough for events',
      () => Number(disk.takesEvents()),
    ],
    ['spyglass_stream_readers', 'Readers of the live feed', streamReaders],
  ];
  for (const [name, help, read] of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }
  for (const [meter, [name, help]] of Object.entries(HISTOGRAMS)) {
    const reading = () => last[meter as keyof typeof HISTOGRAMS];
    registry.registerMetric(readHistogram(name, help, () => [{ labels: {}, reading: reading() }]));
  }
  addCounter(
    registry,
    {
      name: 'spyglass_config_reloads_total',
      help: 'Configurations read again while running, by whether they could be used',
      labelNames: ['result'],
    },
    () => Object.entries(reloads()).map(([result, count]) => [{ result }, count] as const),
  );
  new Gauge({
    name: 'spyglass_build_info',
    help: 'Always 1; its label tells the version',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  return {
    readMeters() {
      last = meters.read();
    },
  };
}

/** Adds the store's own figures; they are set by hand, since the store answers later. */
function addStore(registry: Registry): (stats: StoreStats) => void {
  const registers = [registry];
  const setters = (Object.keys(STORE_FIGURES) as (keyof StoreStats)[]).map((figure) => {
    const { help, grows } = STORE_FIGURES[figure];
    if (!grows) {
      const gauge = new Gauge({ name: `spyglass_store_${figure}`, help, registers });
      return (stats: StoreStats) => gauge.set(stats[figure]);
    }
    const counter = new Counter({ name: `spyglass_store_${figure}_total`, help, registers });
    return (stats: StoreStats) => {
      counter.reset();
      counter.inc(stats[figure]);
    };
  });
  return (stats) => {
    for (const set of setters) set(stats);
  };
}

/** 0 while there is no such time. */
const secondsSince = (time: number, now: number): number =>
  time === 0 ? 0 : Math.max(0, now - time) / 1_000;

/** `RssAnon` of this process; `undefined` where the system does not tell. */
async function readAnonymousBytes(): Promise<number | undefined> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
}
