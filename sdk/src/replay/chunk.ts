/** Cutting a recording into chunks: about every 10 s or 256 KB, numbered within their session across page loads. */
import { quietly } from './quietly.js';

export interface Chunk {
  session: string;
  seq: number;
  /** Of its first event, Unix ms. */
  ts: number;
  /** A JSON array of recorded events. */
  json: string;
}

export interface Chunker {
  /** Adds an event to the chunk being made. */
  add(event: { timestamp: number }): void;
  /** Ends the chunk being made, early. */
  cut(): void;
  /** Ends the chunk in at most so many ms. */
  cutWithin(ms: number): void;
}

export const CHUNK_MS = 10_000;
const CHUNK_LENGTH = 256 * 1_024;

/** Hands each chunk to `take` as it is complete. `session` says whose the chunk is as its first event is added. */
export function createChunker(session: () => string, seqs: Seqs, take: (chunk: Chunk) => void): Chunker {
  let events: string[] = [];
  let length = 0;
  let ts = 0;
  let owner = '';
  let timer: ReturnType<typeof setTimeout> | undefined;

  const cut = () => {
    clearTimeout(timer);
    if (events.length === 0) return;
    const json = `[${events.join(',')}]`;
    events = [];
    length = 0;
    take({ session: owner, seq: seqs.next(owner), ts, json });
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
      if (events.length === 0) {
        ts = event.timestamp;
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
  /** The session's next number, from 1 on; none is given out twice. */
  next(session: string): number;
  /** Writes down where a session is: the app may have cleared the tab's storage since the last number. */
  keep(session: string): void;
}

/**
 * Numbers that go on after a reload, as the session does: both live in the tab's storage, or both don't. Each session
 * has its own entry, for a frame within the page has another one; it is read each time, for a page that comes
 * back out of the back-forward cache was followed by others.
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
