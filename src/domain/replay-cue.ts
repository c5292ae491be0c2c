/**
 * The chunks that overlap `[from, to]` (Unix ms), ascending by `seq`, as they are given. A chunk covers the
 * time from its `ts` to the least greater `ts` of a later `seq`, exclusive. The last one is open-ended; one
 * without `ts` always counts.
 */
export function cueFor<C extends { seq: number; ts?: number }>(
  chunks: readonly C[],
  from: number,
  to: number,
): C[] {
  // A chunk ends before `from` exactly if a later one begins after it and not after `from`.
  let lastBegun = Number.NEGATIVE_INFINITY;
  const cue: C[] = [];
  for (const chunk of chunks.toReversed()) {
    const { ts } = chunk;
    if (ts === undefined || (ts <= to && lastBegun <= ts)) cue.push(chunk);
    if (ts !== undefined && ts <= from) lastBegun = Math.max(lastBegun, ts);
  }
  return cue.reverse();
}
