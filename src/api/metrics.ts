/** What `/metrics` tells: requests, the store's own figures and the process, in the Prometheus text format. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ProblemCode } from '../domain/problems.js';
import type { DiskWatch, Store, StoreStats } from '../store/port.js';
import { type HistogramReading, openHistogram, SECONDS_BOUNDS } from '../telemetry/histogram.js';
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

/** Counted from 0 on: Prometheus sees no growth in a series that begins with its first event. */
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
const zeros = (codes: readonly ProblemCode[]) => new Map(codes.map((code) => [code, 0]));

/** A store that does not answer by then is left out: its figures are not worth the whole scrape. */
const STATS_MS_MAX = 2_000;

/** The store's figures as metrics: those that only ever grow are counters. */
const STORE_COUNTERS: readonly [name: string, help: string, figure: keyof StoreStats][] = [
  ['commits', 'Commits since start', 'commits'],
  ['committed_batches', 'Batches stored since start', 'committed_batches'],
  ['committed_events', 'Events stored since start', 'committed_events'],
  [
    'deduplicated_batches',
    'Batches answered from the memory of batch ids since start',
    'deduplicated_batches',
  ],
  ['late_events', 'Events not stored because they lay below the retention fence, since start', 'late_events'],
  ['commit_seconds', 'Seconds spent in commits since start', 'commit_seconds'],
];
const STORE_GAUGES: readonly [name: string, help: string, figure: keyof StoreStats][] = [
  ['head', 'The newest committed event id', 'head'],
  ['file_bytes', 'Bytes of the data file', 'file_bytes'],
  ['queue_requests', 'Requests waiting to be committed', 'queue_requests'],
  ['queue_bytes', 'Bytes waiting to be committed', 'queue_bytes'],
];

/** A set of metrics of its own: several servers in one process do not share figures. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { store, hasFailed, streamReaders, disk, meters, version, reloads, journalBytes, now } = options;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  /** How many answers there were of each status. */
  const ingest: Record<IngestRoute, Float64Array> = {
    events: new Float64Array(600),
    replay: new Float64Array(600),
  };
  const refusals = { events: zeros(WATCHED_REFUSALS), replay: zeros(WATCHED_REFUSALS) };
  const ingestSeconds = { events: openHistogram(SECONDS_BOUNDS), replay: openHistogram(SECONDS_BOUNDS) };
  const requests = new Histogram({
    name: 'spyglass_http_request_duration_seconds',
    help: 'How long answers took, ingest apart',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  new Counter({
    name: 'spyglass_ingest_requests_total',
    help: 'Answers of the ingest routes',
    labelNames: ['route', 'status'],
    registers,
    collect() {
      this.reset();
      for (const [route, byStatus] of Object.entries(ingest)) {
        for (const [status, count] of byStatus.entries()) {
          if (count > 0 || WATCHED_STATUSES.includes(status)) this.inc({ route, status }, count);
        }
      }
    },
  });
  new Counter({
    name: 'spyglass_ingest_refusals_total',
    help: 'Answers of the ingest routes that are not a 204, by the problem they name',
    labelNames: ['route', 'code'],
    registers,
    collect() {
      this.reset();
      for (const route of INGEST_ROUTES) {
        for (const [code, count] of refusals[route]) this.inc({ route, code }, count);
      }
    },
  });
  new Counter({
    name: 'spyglass_config_reloads_total',
    help: 'Configurations read again while running, by whether they could be used',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(reloads())) this.inc({ result }, count);
    },
  });
  histogram(
    'spyglass_ingest_request_duration_seconds',
    'How long ingest took, from the body read to the answer',
    () => INGEST_ROUTES.map((route) => ({ labels: { route }, reading: ingestSeconds[route].read() })),
  );
  const histograms: [name: string, help: string, read: () => HistogramReading][] = [
    [
      'spyglass_store_commit_duration_seconds',
      'How long commit groups took to become durable, from encoding to the end of the sync',
      () => meters.read().commit_seconds,
    ],
    [
      'spyglass_store_sync_duration_seconds',
      'How long the syncs of the journal took',
      () => meters.read().sync_seconds,
    ],
    [
      'spyglass_store_apply_duration_seconds',
      'How long transactions that fold commit groups into the tables took',
      () => meters.read().apply_seconds,
    ],
    [
      'spyglass_store_group_requests',
      'Requests that commit groups made durable at once',
      () => meters.read().group_requests,
    ],
  ];
  for (const [name, help, read] of histograms) histogram(name, help, () => [{ labels: {}, reading: read() }]);
  let behind = meters.read();
  const gauges: [name: string, help: string, read: () => number][] = [
    [
      'spyglass_store_unapplied_commits',
      'Commit groups that are durable and not in the tables yet',
      () => behind.unapplied_commits,
    ],
    ['spyglass_store_unapplied_bytes', 'Bytes of these groups', () => behind.unapplied_bytes],
    [
      'spyglass_store_unapplied_seconds',
      'How long the oldest of these groups has been durable',
      () => secondsSince(behind.unapplied_since, now()),
    ],
    ['spyglass_store_chunks', 'Replay chunks stored', () => meters.read().chunks],
    ['spyglass_store_chunk_bytes', 'Bytes of the replay chunks stored', () => meters.read().chunk_bytes],
    ['spyglass_store_journal_bytes', 'Bytes of the journal files', journalBytes],
  ];
  for (const [name, help, read] of gauges) gauge(name, help, read);
  new Gauge({
    name: 'spyglass_build_info',
    help: 'Always 1; its label tells the version',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
  gauge('spyglass_store_failed', 'Whether a commit failed: nothing is accepted until a new start', () =>
    Number(hasFailed()),
  );
  gauge('spyglass_disk_free_bytes', 'Bytes the disk of the data folder has free', disk.freeBytes);
  gauge('spyglass_disk_takes_replays', 'Whether the disk has room enough for replays', () =>
    Number(disk.takesReplays()),
  );
  gauge('spyglass_disk_takes_events', 'Whether the disk has room enough for events', () =>
    Number(disk.takesEvents()),
  );
  gauge('spyglass_stream_readers', 'Readers of the live feed', streamReaders);

  const counters = STORE_COUNTERS.map(
    ([name, help, figure]) =>
      [figure, new Counter({ name: `spyglass_store_${name}_total`, help, registers })] as const,
  );
  const storeGauges = STORE_GAUGES.map(
    ([name, help, figure]) =>
      [figure, new Gauge({ name: `spyglass_store_${name}`, help, registers })] as const,
  );
  const anonymous = new Gauge({
    name: 'process_resident_anonymous_bytes',
    help: 'Resident memory that is not the mapped data file (Linux)',
    registers,
  });

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }

  function histogram(name: string, help: string, read: Parameters<typeof readHistogram>[2]): void {
    registry.registerMetric(readHistogram(name, help, read));
  }

  return {
    countIngest(route, status, seconds) {
      const byStatus = ingest[route];
      byStatus[status] = (byStatus[status] ?? 0) + 1;
      ingestSeconds[route].observe(seconds);
    },
    countRefusal(route, code) {
      refusals[route].set(code, (refusals[route].get(code) ?? 0) + 1);
    },
    observeRequest(route, method, status, seconds) {
      requests.observe({ route, method, status }, seconds);
    },
    async render() {
      // Before the store is asked: it answers once the tables hold everything, and then nothing is behind any more.
      behind = meters.read();
      // A store that has failed may not answer; the other figures are wanted all the more then.
      const [stats, anonymousBytes] = await Promise.all([
        Promise.race([store.stats(), sleep(STATS_MS_MAX, undefined, { ref: false })]).catch(() => undefined),
        readAnonymousBytes(),
      ]);
      if (stats !== undefined) {
        for (const [figure, counter] of counters) {
          counter.reset();
          counter.inc(stats[figure]);
        }
        for (const [figure, gauge] of storeGauges) gauge.set(stats[figure]);
      }
      if (anonymousBytes !== undefined) anonymous.set(anonymousBytes);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
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
