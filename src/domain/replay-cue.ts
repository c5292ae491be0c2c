/** Which chunks of a session's replay an incident's window needs. */

/**
 * The chunks that overlap `[from, to]` (Unix ms), in the order given, which is ascending by `seq`. A chunk covers from its
 * `ts` up to the least greater `ts` of a later `seq`, that moment excluded; the last one is open-ended; one without `ts`
 * always counts. One pass, as a session may have any number of chunks.
 */
export function cueFor<C extends { seq: number; ts?: number }>(
  chunks: readonly C[],
  from: number,
  to: number,
): C[] {
  // A chunk is over by `from` exactly if a later one began after it and no later than `from`.
  let lastBegun = Number.NEGATIVE_INFINITY;
  const cue: C[] = [];
  for (const chunk of chunks.toReversed()) {
    const { ts } = chunk;
    if (ts === undefined || (ts <= to && lastBegun <= ts)) cue.push(chunk);
    if (ts !== undefined && ts <= from) lastBegun = Math.max(lastBegun, ts);
  }
  return cue.reverse();
}
