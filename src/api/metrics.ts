/** What `/metrics` tells: requests, the store's own figures and the process, in the Prometheus text format. */
import { readFile } from 'node:fs/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DiskWatch, Store, StoreStats } from '../store/store.js';

export type IngestRoute = 'events' | 'replay';

export interface Metrics {
  /** Counts an answer of an ingest route. On the hot path: it adds one to a number. */
  countIngest(route: IngestRoute, status: number): void;
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
}

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
export function createMetrics({ store, hasFailed, streamReaders, disk }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  /** How many answers there were of each status. */
  const ingest: Record<IngestRoute, Float64Array> = {
    events: new Float64Array(600),
    replay: new Float64Array(600),
  };
  const requests = new Histogram({
    name: 'spyglass_http_request_duration_seconds',
    help: 'How long answers took, ingest apart',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
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
        for (const [status, count] of byStatus.entries()) if (count > 0) this.inc({ route, status }, count);
      }
    },
  });
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
  const gauges = STORE_GAUGES.map(
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

  return {
    countIngest(route, status) {
      const byStatus = ingest[route];
      byStatus[status] = (byStatus[status] ?? 0) + 1;
    },
    observeRequest(route, method, status, seconds) {
      requests.observe({ route, method, status }, seconds);
    },
    async render() {
      // A store that has failed may not answer; the other figures are wanted all the more then.
      const [stats, anonymousBytes] = await Promise.all([
        store.stats().catch(() => undefined),
        readAnonymousBytes(),
      ]);
      if (stats !== undefined) {
        for (const [figure, counter] of counters) {
          counter.reset();
          counter.inc(stats[figure]);
        }
        for (const [figure, gauge] of gauges) gauge.set(stats[figure]);
      }
      if (anonymousBytes !== undefined) anonymous.set(anonymousBytes);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** `RssAnon` of this process; `undefined` where the system does not tell. */
async function readAnonymousBytes(): Promise<number | undefined> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
}
