/** Cuts a recording into chunks of about 10 s or 256 KB, numbered within their session across page loads. */
import { quietly } from './quietly.js';

export interface Chunk {
  session: string;
  seq: number;
  /** Time of its first event, Unix ms. */
  ts: number;
  /** The same by this page's `performance.now()`; absent from a chunk of another page. */
  atMs?: number;
  /** A JSON array of recorded events. */
  json: string;
}

export interface Chunker {
  /** Adds an event to the open chunk. */
  add(event: { timestamp: number }): void;
  /** Ends the open chunk now. */
  cut(): void;
  /** Ends the open chunk within `ms`. */
  cutWithin(ms: number): void;
}

export const CHUNK_MS = 10_000;
const CHUNK_LENGTH = 256 * 1_024;
/** The timer cuts sooner: a longer pause within a chunk is a clock that was set, or a device that slept. */
const PAUSE_MS_MAX = 2 * CHUNK_MS;

/**
 * Passes each complete chunk to `take`. `session` is asked once a chunk, at its first event. A chunk is by one clock: one that is set
 * begins another chunk, so that the collector can put each right.
 */
export function createChunker(session: () => string, seqs: Seqs, take: (chunk: Chunk) => void): Chunker {
  let events: string[] = [];
  let length = 0;
  let ts = 0;
  let atMs = 0;
  let last = 0;
  let owner = '';
  let timer: ReturnType<typeof setTimeout> | undefined;

  const cut = () => {
    clearTimeout(timer);
    if (events.length === 0) return;
    const json = `[${events.join(',')}]`;
    events = [];
    length = 0;
    take({ session: owner, seq: seqs.next(owner), ts, atMs, json });
  };
  const cutWithin = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(cut, ms);
  };
  return {
    cut,
    cutWithin,
    add: (event) => {
      const text = JSON.stringify(event);
      const { timestamp } = event;
      if (timestamp < last || timestamp - last > PAUSE_MS_MAX) cut();
      last = timestamp;
      if (events.length === 0) {
        ts = timestamp;
        atMs = performance.now();
        owner = session();
        cutWithin(CHUNK_MS);
      }
      events.push(text);
      length += text.length;
      if (length >= CHUNK_LENGTH) cut();
    },
  };
}

export interface Seqs {
  /** The session's next number, from 1; no number is given twice. */
  next(session: string): number;
  /** Stores a session's last number again: the app may have cleared the tab's storage. */
  keep(session: string): void;
}

/**
 * Numbers that continue after a reload, as the session does; both are in the tab's storage. Each session has its own entry, since a
 * frame in the page has another session. The entry is read each time: other pages may have counted while this one was in the
 * back-forward cache.
 */
export function createSeqs(prefix: string): Seqs {
  const given = new Map<string, number>();
  const seqs: Seqs = {
    next(session) {
      const stored = Number(quietly(() => sessionStorage.getItem(prefix + session)));
      given.set(session, Math.max(stored || 0, given.get(session) ?? 0) + 1);
      seqs.keep(session);
      return given.get(session) ?? 1;
    },
    keep(session) {
      const seq = given.get(session);
      if (seq) quietly(() => sessionStorage.setItem(prefix + session, String(seq)));
    },
  };
  return seqs;
}
