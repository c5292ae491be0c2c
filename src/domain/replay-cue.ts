/** Which chunks of a recording a window of time needs. */

interface Timed {
  seq: number;
  ts?: number;
}

/** Unix ms, both inclusive. */
interface Window {
  from: number;
  to: number;
}

/**
 * Takes all chunks by descending `seq`, and gives those that overlap the window, ascending. A chunk covers
 * the time from its `ts` to the least greater `ts` of a later `seq`, exclusive. The last one is open-ended;
 * one without `ts` always counts.
 *
 * At most `max` are given: those that begin nearest to `moment`, of equally near ones the later. One without
 * `ts` counts as begun with the next that has one, or at the window's end.
 */
export function openCue<C extends Timed>(
  { from, to }: Window,
  { moment, max }: { moment: number; max: number },
) {
  // A chunk ends before `from` exactly if a later one begins after it and not after `from`.
  let lastBegun = Number.NEGATIVE_INFINITY;
  let next = to;
  let kept: { chunk: C; distance: number }[] = [];
  let isCut = false;
  const keepNearest = (): void => {
    if (kept.length <= max) return;
    isCut = true;
    kept = kept.sort((a, b) => a.distance - b.distance || b.chunk.seq - a.chunk.seq).slice(0, max);
  };
  return {
    add(chunk: C): void {
      const { ts } = chunk;
      if (ts === undefined || (ts <= to && lastBegun <= ts)) {
        kept.push({ chunk, distance: Math.abs((ts ?? next) - moment) });
        if (kept.length === 2 * max) keepNearest();
      }
      if (ts === undefined) return;
      next = ts;
      if (ts <= from) lastBegun = Math.max(lastBegun, ts);
    },
    /** `isCut`: whether there were more. */
    chunks(): { chunks: C[]; isCut: boolean } {
      keepNearest();
      return { chunks: kept.map(({ chunk }) => chunk).sort((a, b) => a.seq - b.seq), isCut };
    },
  };
}
