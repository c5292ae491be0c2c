/** `/metrics`: requests, the store's figures and the process, in the Prometheus text format. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ProblemCode } from '../domain/problems.js';
import type { ClockReading } from '../domain/time-evidence.js';
import type { Store, StoreStats } from '../store/port.js';
import {
  type HistogramReading,
  type Meters,
  openHistogram,
  SECONDS_BOUNDS,
  threadsClock,
} from '../telemetry/meters.js';
import type { Connections } from './connections.js';
import type { ServerDeps } from './context.js';
import type { Watchings } from './watchings.js';

const INGEST_ROUTES = ['events', 'replay'] as const;
export type IngestRoute = (typeof INGEST_ROUTES)[number];

/** How often the configuration was read again since the start, by result. */
export interface Reloads {
  applied: number;
  refused: number;
}

export type Metrics = ReturnType<typeof createMetrics>;

interface MetricsOptions
  extends Pick<
    ServerDeps,
    'disk' | 'meters' | 'version' | 'reloads' | 'walBytes' | 'erasuresPending' | 'clock' | 'logLinesDropped'
  > {
  store: Pick<Store, 'stats' | 'reads'>;
  hasFailed: () => boolean;
  streamReaders: () => number;
  watchings: Pick<Watchings, 'counts'>;
  connections: Pick<Connections, 'counts'>;
}

/** These series begin at 0: Prometheus sees no increase in one that begins with its first event. */
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

/** If the store does not answer within this time, the scrape leaves its figures out. */
const STATS_MS_MAX = 2_000;

/** The help texts of the store's figures. */
const STORE_FIGURES: Record<keyof StoreStats, string> = {
  commits: 'Commits since start',
  committed_batches: 'Batches stored since start',
  committed_events: 'Events stored since start',
  deduplicated_batches: 'Batches answered from the memory of batch ids since start',
  remembered_batches: 'Batch ids remembered, so that a retry stores nothing twice',
  late_events: 'Events not stored because they lay below the retention fence, since start',
  commit_seconds: 'Seconds spent in commits since start',
  ahead_of_engine_seconds: 'How far the clock is ahead of that of ClickHouse',
  head: 'The newest committed event id',
  file_bytes: 'Bytes of the data file',
  queue_requests: 'Requests waiting to be committed',
  queue_bytes: 'Bytes waiting to be committed',
};
/** All others only grow: they are counters. */
const STORE_GAUGES: readonly string[] = [
  'head',
  'file_bytes',
  'queue_requests',
  'queue_bytes',
  'ahead_of_engine_seconds',
  'remembered_batches',
];

/** Several servers in one process have metrics of their own. */
export function createMetrics(options: MetricsOptions) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'spyglass_http_request_duration_seconds',
    help: 'How long answers took, ingest apart',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  const countIngest = addIngest(registry);
  const readMeters = addCollector(registry, options);
  const showStore = addStore(registry);
  addGauge(
    registry,
    'process_resident_anonymous_bytes',
    'Resident memory that is not the mapped data file (Linux)',
    readAnonymousBytes,
  );
  return {
    countIngest,
    /** Times an answer of any other route; `route` is its pattern. */
    observeRequest(route: string, method: string, status: number, seconds: number): void {
      requests.observe({ route, method, status }, seconds);
    },
    async render() {
      // Before the store is asked: it answers after it has applied everything, and the backlog would be 0.
      readMeters();
      // A failed store may not answer, and the other figures matter most then.
      const tooLate = sleep(STATS_MS_MAX, undefined, { ref: false });
      const stats = await Promise.race([options.store.stats(), tooLate]).catch(() => undefined);
      if (stats !== undefined) showStore(stats);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** A gauge whose value is read at each scrape. */
function addGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | boolean | Promise<number>,
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      this.set(Number(await read()));
    },
  });
}

/** A counter whose series are read at each scrape. */
function addCounter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  read: () => Iterable<readonly [labels: Record<string, string | number>, count: number]>,
): void {
  new Counter({
    ...{ name, help, labelNames },
    registers: [registry],
    collect() {
      this.reset();
      for (const [labels, count] of read()) this.inc(labels, count);
    },
  });
}

/** Adds the metrics of the ingest routes; the result counts an answer, with the code of a refusal. */
function addIngest(registry: Registry) {
  const zeros = () => new Map(WATCHED_REFUSALS.map((code) => [code, 0]));
  const refusals = { events: zeros(), replay: zeros() };
  const seconds = { events: openHistogram(SECONDS_BOUNDS), replay: openHistogram(SECONDS_BOUNDS) };
  /** Answers by status. */
  const answers = { events: new Float64Array(600), replay: new Float64Array(600) };
  addCounter(
    registry,
    'spyglass_ingest_requests_total',
    'Answers of the ingest routes',
    ['route', 'status'],
    () =>
      INGEST_ROUTES.flatMap((route) =>
        Array.from(answers[route], (count, status) => [{ route, status }, count] as const).filter(
          ([{ status }, count]) => count > 0 || WATCHED_STATUSES.includes(status),
        ),
      ),
  );
  addCounter(
    registry,
    'spyglass_ingest_refusals_total',
    'Answers of the ingest routes that are not a 204, by the problem they name',
    ['route', 'code'],
    () =>
      INGEST_ROUTES.flatMap((route) =>
        Array.from(refusals[route], ([code, count]) => [{ route, code }, count] as const),
      ),
  );
  addHistogram(
    registry,
    'spyglass_ingest_request_duration_seconds',
    'How long ingest took, from the body read to the answer',
    () => INGEST_ROUTES.map((route) => ({ labels: { route }, reading: seconds[route].read() })),
  );
  // On the hot path.
  return (route: IngestRoute, status: number, took: number, code?: ProblemCode): void => {
    const byStatus = answers[route];
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    seconds[route].observe(took);
    if (code !== undefined) refusals[route].set(code, (refusals[route].get(code) ?? 0) + 1);
  };
}

interface Series {
  labels: Record<string, string>;
  reading: HistogramReading;
}

/** A histogram whose series are counted elsewhere, and read at each scrape. */
function addHistogram(registry: Registry, name: string, help: string, read: () => Series[]): void {
  const described = new Histogram({ name, help, registers: [] }).get();
  // A gauge, since the registry takes what its `get` gives; it collects a histogram in another way.
  new Gauge({ name, help, registers: [registry] }).get = async () => ({
    ...(await described),
    values: read().flatMap((series) => valuesOf(name, series)),
  });
}

/** One value for each bound, which counts everything up to it, then the sum and the count. */
function valuesOf(name: string, { labels, reading: { bounds, counts, sum } }: Series) {
  let seen = 0;
  const buckets = counts.map((count, index) => {
    seen += count;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: seen };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: seen },
  ];
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

/** Adds counters of what a bound turned away or dropped. */
function addDropped(registry: Registry, options: MetricsOptions): void {
  addCounter(
    registry,
    'spyglass_http_connections_turned_away_total',
    'Connections refused or cut since start, because there were as many as there may be',
    ['how'],
    () => {
      const { cut, refused } = options.connections.counts();
      return [
        [{ how: 'cut' }, cut],
        [{ how: 'refused' }, refused],
      ];
    },
  );
  addCounter(
    registry,
    'spyglass_reads_refused_total',
    'Reads refused because too many waited, since start',
    [],
    () => [[{}, options.store.reads().refused]],
  );
  addCounter(registry, 'spyglass_reader_deaths_total', 'Threads that read and died, since start', [], () => [
    [{}, options.store.reads().deaths],
  ]);
  addCounter(
    registry,
    'spyglass_log_lines_dropped_total',
    'Log lines dropped since start, because nobody read standard error',
    [],
    () => [[{}, options.logLinesDropped()]],
  );
  addCounter(registry, 'spyglass_audit_lines_total', 'Lines of the audit trail since start', [], () => [
    [{}, options.watchings.counts().lines],
  ]);
  addCounter(
    registry,
    'spyglass_audit_refusals_total',
    'Replays not shown since start, because their line could not be written',
    [],
    () => [[{}, options.watchings.counts().refused]],
  );
}

type GaugeOf = [name: string, help: string, read: () => number | boolean];

function gaugesOf(options: MetricsOptions, last: () => ReturnType<Meters['read']>): GaugeOf[] {
  const { store, hasFailed, streamReaders, disk, walBytes, erasuresPending, clock } = options;
  return [
    [
      'spyglass_store_unapplied_commits',
      'Commit groups that are durable and not in the tables yet',
      () => last().unapplied_commits,
    ],
    ['spyglass_store_unapplied_bytes', 'Bytes of these groups', () => last().unapplied_bytes],
    [
      'spyglass_store_unapplied_seconds',
      'How long the oldest of these groups has been durable',
      () => secondsSince(last().unapplied_since, threadsClock()),
    ],
    ['spyglass_store_chunks', 'Replay chunks stored', () => last().chunks],
    ['spyglass_store_chunk_bytes', 'Bytes of the replay chunks stored', () => last().chunk_bytes],
    ['spyglass_store_journal_bytes', 'Bytes of the journal files', walBytes],
    [
      'spyglass_store_pending_erasures',
      'Erasures that were asked for and are not done: the users are still in the store',
      () => erasuresPending().length,
    ],
    ['spyglass_store_failed', 'Whether a commit failed: nothing is accepted until a new start', hasFailed],
    ['spyglass_disk_free_bytes', 'Bytes the disk of the data folder has free', disk.freeBytes],
    ['spyglass_disk_free_files', 'Files (inodes) the disk of the data folder has free', disk.freeFiles],
    ['spyglass_disk_takes_replays', 'Whether the disk has room enough for replays', disk.takesReplays],
    ['spyglass_disk_takes_events', 'Whether the disk has room enough for events', disk.takesEvents],
    [
      'spyglass_clock_trusted',
      'Whether the wall clock is within a day of all that the store knows, or was believed since',
      () => clock().state === 'trusted',
    ],
    [
      'spyglass_clock_ahead_seconds',
      'How far the wall clock is ahead of all that the store knows',
      () => aheadSeconds(clock()),
    ],
    ['spyglass_reads_waiting', 'Reads that wait for a thread', () => store.reads().waiting],
    [
      'spyglass_reads_down',
      'Whether some reads fail until a new start: their thread died too often',
      () => store.reads().down !== undefined,
    ],
    ['spyglass_http_connections', 'Open connections', () => options.connections.counts().open],
    ['spyglass_stream_readers', 'Readers of the live feed', streamReaders],
  ];
}

/** Adds the metrics of the collector and of its threads; the result reads the threads' meters. */
function addCollector(registry: Registry, options: MetricsOptions): () => void {
  const { meters, version, reloads } = options;
  let last = meters.read();
  for (const gauge of gaugesOf(options, () => last)) addGauge(registry, ...gauge);
  for (const [meter, [name, help]] of Object.entries(HISTOGRAMS)) {
    const reading = () => last[meter as keyof typeof HISTOGRAMS];
    addHistogram(registry, name, help, () => [{ labels: {}, reading: reading() }]);
  }
  addCounter(
    registry,
    'spyglass_config_reloads_total',
    'Configurations read again while running, by whether they could be used',
    ['result'],
    () => Object.entries(reloads()).map(([result, count]) => [{ result }, count] as const),
  );
  addDropped(registry, options);
  new Gauge({
    name: 'spyglass_build_info',
    help: 'Always 1; its label tells the version',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
  return () => {
    last = meters.read();
  };
}

/** Adds the store's figures; the result sets them. */
function addStore(registry: Registry): (stats: StoreStats) => void {
  let last: StoreStats | undefined;
  for (const [figure, help] of Object.entries(STORE_FIGURES)) {
    const name = `spyglass_store_${figure}`;
    const read = () => last?.[figure as keyof StoreStats] ?? 0;
    if (STORE_GAUGES.includes(figure)) addGauge(registry, name, help, read);
    else addCounter(registry, `${name}_total`, help, [], () => [[{}, read()]]);
  }
  return (stats) => {
    last = stats;
  };
}

/** 0 where the store knows of no time. */
const aheadSeconds = ({ wall, evidence = wall }: ClockReading): number => (wall - evidence) / 1_000;

/** 0 where `time` is 0. */
const secondsSince = (time: number, now: number): number =>
  time === 0 ? 0 : Math.max(0, now - time) / 1_000;

/** `RssAnon` of this process; 0 on other systems than Linux. */
async function readAnonymousBytes(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}
