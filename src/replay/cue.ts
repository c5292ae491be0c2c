/** Which chunks of a session's replay an incident's window needs. */

/**
 * The chunks that overlap `[from, to]` (Unix ms), in the order given. A chunk covers from its `ts` to the least greater
 * `ts` of a later `seq`; the last one is open-ended; one without `ts` always counts.
 */
export function cueFor<C extends { seq: number; ts?: number }>(
  chunks: readonly C[],
  from: number,
  to: number,
): C[] {
  return chunks.filter((chunk) => {
    const { seq, ts } = chunk;
    if (ts === undefined) return true;
    let end = Number.POSITIVE_INFINITY;
    for (const later of chunks) {
      if (later.seq > seq && later.ts !== undefined && later.ts > ts) end = Math.min(end, later.ts);
    }
    return ts <= to && end > from;
  });
}
