/** Cutting a recording into chunks: about every 10 s or 256 KB, numbered within their session across page loads. */

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
}

/**
 * Numbers that go on after a reload, as the session does: both live in the tab's storage, or both don't. Read each
 * time: a page that comes back out of the back-forward cache was followed by others.
 */
export function createSeqs(key: string): Seqs {
  let stored: string | null = null;
  return {
    next: (session) => {
      try {
        stored = sessionStorage.getItem(key) ?? stored;
      } catch {
        // Without storage the session begins anew with each page, and so do its numbers.
      }
      const [owner, seq] = stored?.split(' ') ?? [];
      const next = owner === session ? Number(seq) + 1 : 1;
      stored = `${session} ${next}`;
      try {
        sessionStorage.setItem(key, stored);
      } catch {
        // As above.
      }
      return next;
    },
  };
}
