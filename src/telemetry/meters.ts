/**
 * What the store's threads measure of themselves, in memory that all of them share: the HTTP thread reads it without
 * asking them, also while one of them is held up by the disk, which is when somebody wants to know.
 */
import {
  type Histogram,
  type HistogramReading,
  histogramSize,
  openHistogram,
  SECONDS_BOUNDS,
} from './histogram.js';

/** Each is counted in by one thread. */
const HISTOGRAMS = {
  /** Seconds from a group's first event encoded to the group durable. Ingest thread. */
  commit_seconds: SECONDS_BOUNDS,
  /** Seconds of the journal's fdatasync. Ingest thread. */
  sync_seconds: SECONDS_BOUNDS,
  /** Requests that one commit group made durable. Ingest thread. */
  group_requests: [1, 2, 4, 8, 16, 32, 64, 128],
  /** Seconds of a transaction that takes groups into the tables. Writer thread. */
  apply_seconds: SECONDS_BOUNDS,
} as const satisfies Record<string, readonly number[]>;

const GAUGES = [
  /** Groups that are durable and not in the tables yet. Ingest thread. */
  'unapplied_commits',
  'unapplied_bytes',
  /** Since when the oldest of them is durable, Unix ms; 0 when there is none. */
  'unapplied_since',
  /** Replay chunks the manifest names. Writer thread. */
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

/** Zeros, to be given to every thread. */
export const newMeterMemory = (): Float64Array =>
  new Float64Array(new SharedArrayBuffer(SIZE * Float64Array.BYTES_PER_ELEMENT));

/** The meters in this memory; without any, some that nobody else sees. */
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
