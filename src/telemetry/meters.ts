/**
 * What the store's threads measure, in memory they share: the HTTP thread reads it even while the disk blocks
 * one of them.
 */
import {
  type Histogram,
  type HistogramReading,
  histogramSize,
  openHistogram,
  SECONDS_BOUNDS,
} from './histogram.js';

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
  /** When the oldest of them became durable, Unix ms; 0 when there is none. */
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
