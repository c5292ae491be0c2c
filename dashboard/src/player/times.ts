/**
 * One clock for a recording. The collector puts the time of a chunk right, but the times inside it are the device's:
 * each chunk has a shift of its own, since the device's clock may be set meanwhile. And what was recorded later is
 * never earlier: the order of chunks and of events in them is known, whatever the clock said.
 */
import type { ChunkReference } from '../api/client.js';

/** A chunk, and where it begins in the recording: at or after the one before. */
export interface PlacedChunk extends ChunkReference {
  /** Unix ms; absent where the chunk has no time. */
  begin?: number;
}

/** The chunks, ascending by `seq`, each with its place. */
export function placed(references: readonly ChunkReference[]): PlacedChunk[] {
  const begins = inOrder(references.flatMap(({ ts }) => (ts === undefined ? [] : [ts])));
  let next = 0;
  return references.map((reference) => {
    const begin = reference.ts === undefined ? undefined : begins[next++];
    return begin === undefined ? reference : { ...reference, begin };
  });
}

/** A chunk's events, in the order in which they were recorded, at the recording's time: between this chunk's begin and the next one's. */
export function putRight<T extends { timestamp: number }>(
  events: readonly T[],
  chunks: readonly PlacedChunk[],
  index: number,
): T[] {
  const given = chunks[index]?.ts;
  const [first] = events;
  const shift = given === undefined || first === undefined ? 0 : given - first.timestamp;
  const times = inOrder(
    events.map(({ timestamp }) => timestamp + shift),
    chunks.findLast(({ begin }, at) => at <= index && begin !== undefined)?.begin,
    chunks.find(({ begin }, at) => at > index && begin !== undefined)?.begin,
  );
  return events.map((event, at) => {
    const timestamp = times[at] ?? event.timestamp;
    return timestamp === event.timestamp ? event : { ...event, timestamp };
  });
}

/**
 * The times, none before another that it follows, all within the bounds. As many as can be stay as they are; each of the others
 * moves no further than it must. Of two ways to keep as many, this takes the one that ends earlier.
 */
export function inOrder(times: readonly number[], from = -Number.MAX_VALUE, to = Number.MAX_VALUE): number[] {
  const stays = longestInOrder(times, from, to);
  const ordered = [...times];
  for (let at = times.length - 1, next = to; at >= 0; at--) {
    if (stays.has(at)) next = times[at] as number;
    else ordered[at] = Math.min(times[at] as number, next);
  }
  let before = from;
  return ordered.map((time) => {
    before = Math.max(before, time);
    return before;
  });
}

/** The indexes of as many times as are in order. */
function longestInOrder(times: readonly number[], from: number, to: number): Set<number> {
  /** Of the runs of each length the one whose last time is the earliest: the index of that time. */
  const ends: number[] = [];
  const previous = new Array<number | undefined>(times.length);
  const endOf = (run: number): number => times[ends[run] as number] as number;
  for (const [at, time] of times.entries()) {
    if (!(time >= from && time <= to)) continue;
    let [low, high] = [0, ends.length];
    // Most often the time continues the longest run.
    if (high > 0 && endOf(high - 1) <= time) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (endOf(middle) <= time) low = middle + 1;
      else high = middle;
    }
    previous[at] = ends[low - 1];
    ends[low] = at;
  }
  const found = new Set<number>();
  for (let at = ends.at(-1); at !== undefined; at = previous[at]) found.add(at);
  return found;
}
