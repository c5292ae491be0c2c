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
  const begins = beginsOf(references.flatMap(({ ts }) => (ts === undefined ? [] : [ts])));
  let next = 0;
  return references.map((reference) => {
    const begin = reference.ts === undefined ? undefined : begins[next++];
    return begin === undefined ? reference : { ...reference, begin };
  });
}

/** By how much requests of one device may differ in what they take to arrive, and so in what their times were shifted by. */
export const SLACK_MS = 1_000;

/** What a recorder puts into a chunk at most. */
const CHUNK_MS = 10_000;

/** An event of the session; `client_ts` is the device's time where the collector put it right. */
export interface Told {
  ts: number;
  client_ts?: number;
}

/**
 * A chunk's events in the order in which they were recorded, at the recording's time and within the bounds. What was recorded just
 * before an event of the session is shifted by as much as that event, to show the page as it was at the event.
 */
export function putRight<T extends { timestamp: number }>(
  events: readonly T[],
  given: number | undefined,
  told: readonly Told[],
  from?: number,
  to?: number,
): T[] {
  const [first] = events;
  const own = given === undefined || first === undefined ? 0 : given - first.timestamp;
  const clock = told
    .map(({ ts, client_ts = ts }) => ({ at: client_ts, shift: ts - client_ts }))
    .filter(({ shift }) => given !== undefined && Math.abs(shift - own) <= SLACK_MS)
    .sort((a, b) => a.at - b.at);
  let next = 0;
  const times = events.map(({ timestamp }) => {
    while (next < clock.length - 1 && (clock[next]?.at ?? 0) < timestamp) next++;
    return timestamp + (clock[next]?.shift ?? own);
  });
  const ordered = inOrder(times, from, to);
  return events.map((event, at) => {
    const timestamp = ordered[at] ?? event.timestamp;
    return timestamp === event.timestamp ? event : { ...event, timestamp };
  });
}

/** Between which times the events of a chunk may be: its neighbours', as far as they are placed, or where chunks begin. */
export function boundsOf(
  chunks: readonly PlacedChunk[],
  index: number,
  placedOf: (index: number) => readonly { timestamp: number }[] | undefined,
): { from?: number; to?: number } {
  const earlier = chunks.slice(0, index).findLast(({ begin }) => begin !== undefined)?.begin;
  const begin = chunks[index]?.begin;
  const soonest = begin === undefined ? earlier : Math.max(begin - SLACK_MS, earlier ?? begin - SLACK_MS);
  const from = placedOf(index - 1)?.at(-1)?.timestamp ?? soonest;
  const to =
    placedOf(index + 1)?.[0]?.timestamp ??
    chunks.slice(index + 1).find((chunk) => chunk.begin !== undefined)?.begin;
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to: Math.max(to, from ?? to) }),
  };
}

/**
 * The times, none before another that it follows, all within the bounds. As many as can be stay as they are; of two ways to keep as
 * many, this takes the one that ends earlier. Each of the others follows the one before at its own pace, as far as there is room.
 */
export function inOrder(times: readonly number[], from = -Number.MAX_VALUE, to = Number.MAX_VALUE): number[] {
  const stays = longestInOrder(times, from, to);
  const next = nextThatStays(times, stays, to);
  let before = from;
  return times.map((time, at) => {
    const last = times[at - 1];
    const wanted = stays.has(at) || last === undefined ? time : before + Math.max(0, time - last);
    before = Math.max(before, Math.min(wanted, next[at] ?? to));
    return before;
  });
}

/** When chunks begin. One that is out of order begins within what a chunk takes, and leaves room for those before and after. */
function beginsOf(times: readonly number[]): number[] {
  const stays = longestInOrder(times, -Number.MAX_VALUE, Number.MAX_VALUE);
  const next = nextThatStays(times, stays, Number.MAX_VALUE);
  const begins: number[] = [];
  for (const [at, time] of times.entries()) {
    const before = begins[at - 1] ?? next[at] ?? time;
    begins.push(stays.has(at) ? time : before + Math.min(CHUNK_MS, ((next[at] ?? time) - before) / 2));
  }
  return begins;
}

/** For each time itself or the next one after it that stays; `end` after the last. */
function nextThatStays(times: readonly number[], stays: ReadonlySet<number>, end: number): number[] {
  let next = end;
  return times
    .map((_, index) => {
      const at = times.length - 1 - index;
      if (stays.has(at)) next = times[at] as number;
      return next;
    })
    .reverse();
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
