/** What the store's threads measure, in shared memory, readable even while the disk blocks a thread. */

/** Ms that no change of the wall clock moves, the same in every thread; `performance.now` is each thread's own. */
export const threadsClock = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/** Upper bounds in seconds. */
export const SECONDS_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

export interface HistogramReading {
  /** Inclusive upper bounds, ascending; a last bucket without a bound follows. */
  bounds: readonly number[];
  /** Values in each bucket: one entry more than bounds. */
  counts: number[];
  sum: number;
}

export interface Histogram {
  observe(value: number): void;
  read(): HistogramReading;
}

const histogramSize = (bounds: readonly number[]): number => bounds.length + 2;

/** `memory` holds the counts, then the sum. One thread observes, any thread may read. */
export function openHistogram(
  bounds: readonly number[],
  memory: Float64Array = new Float64Array(histogramSize(bounds)),
): Histogram {
  const sumAt = bounds.length + 1;
  return {
    observe(value) {
      let at = 0;
      while (value > (bounds[at] ?? Number.POSITIVE_INFINITY)) at++;
      memory[at] = (memory[at] ?? 0) + 1;
      memory[sumAt] = (memory[sumAt] ?? 0) + value;
    },
    read: () => ({ bounds, counts: Array.from(memory.subarray(0, sumAt)), sum: memory[sumAt] ?? 0 }),
  };
}

/** One thread writes each. */
const HISTOGRAMS = {
  /** Seconds from encoding a commit group's first event until the group is durable. Ingest thread. */
  commit_seconds: SECONDS_BOUNDS,
  /** Seconds of the WAL's fdatasync. Ingest thread. */
  sync_seconds: SECONDS_BOUNDS,
  /** Requests in a commit group. Ingest thread. */
  group_requests: [1, 2, 4, 8, 16, 32, 64, 128],
  /** Seconds of a transaction that applies commit groups. Writer thread. */
  apply_seconds: SECONDS_BOUNDS,
} as const satisfies Record<string, readonly number[]>;

const GAUGES = [
  /** Commit groups that are durable and not applied yet. Ingest thread. */
  'unapplied_commits',
  'unapplied_bytes',
  /** When the oldest of them became durable, of `threadsClock`; 0 when there is none. */
  'unapplied_since',
  /** Replay chunks in the manifest. Writer thread. */
  'chunks',
  'chunk_bytes',
] as const;

type HistogramName = keyof typeof HISTOGRAMS;
type GaugeName = (typeof GAUGES)[number];

export type Meters = Record<HistogramName, Histogram> & {
  set(gauge: GaugeName, value: number): void;
  read(): Record<HistogramName, HistogramReading> & Record<GaugeName, number>;
};

const NAMES = Object.keys(HISTOGRAMS) as HistogramName[];
const SIZE = NAMES.reduce<number>((sum, name) => sum + histogramSize(HISTOGRAMS[name]), GAUGES.length);

export const newMeterMemory = (): Float64Array =>
  new Float64Array(new SharedArrayBuffer(SIZE * Float64Array.BYTES_PER_ELEMENT));

/** The meters in `memory`, from `newMeterMemory`. */
export function openMeters(memory: Float64Array = newMeterMemory()): Meters {
  let at = GAUGES.length;
  const histograms = Object.fromEntries(
    NAMES.map((name) => {
      const bounds = HISTOGRAMS[name];
      const histogram = openHistogram(bounds, memory.subarray(at, at + histogramSize(bounds)));
      at += histogramSize(bounds);
      return [name, histogram];
    }),
  ) as Record<HistogramName, Histogram>;
  return {
    ...histograms,
    set(gauge, value) {
      memory[GAUGES.indexOf(gauge)] = value;
    },
    read() {
      const read = NAMES.map((name) => [name, histograms[name].read()]);
      const gauges = GAUGES.map((name, index) => [name, memory[index] ?? 0]);
      return Object.fromEntries([...read, ...gauges]);
    },
  };
}
