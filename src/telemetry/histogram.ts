/** A histogram over plain numbers, whose memory threads can share. */

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

/** The length of a histogram's memory, in numbers. */
export const histogramSize = (bounds: readonly number[]): number => bounds.length + 2;

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
