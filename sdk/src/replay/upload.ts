/** Uploads chunks one at a time, after the events; a chunk that is sent twice replaces itself. */
import type { Client } from '../seam.js';
import type { Chunk } from './chunk.js';
import { gzip, wrap } from './gzip.js';
import type { Leftovers } from './leftovers.js';

export interface Uploader {
  /** Begins with the chunks that other pages left. */
  start(): void;
  add(chunk: Chunk): void;
  /** Sends what fits into requests that outlive the page, and keeps all unsent chunks for the next page. */
  leave(): void;
  stop(): void;
}

export interface UploadEvents {
  /** Too many chunks wait. */
  full(): void;
  /** The last waiting chunk is sent. */
  idle(): void;
  /** The collector refuses this chunk for good. */
  lost(chunk: Chunk): unknown;
  /** The collector refuses this app's recordings. */
  refused(): void;
}

/** Code units that may wait when another chunk comes; one snapshot of a large page may be longer. */
const WAITING_LENGTH_MAX = 2_000_000;
const TRY_MS_MAX = 60_000;
/** Share of the 64 KB that may be under way as the page goes; the rest is for events. */
const LEAVE_BYTES_MAX = 28_000;

/** So often somebody in between may refuse a chunk, while others pass, until it is given up. */
const BLOCKED_MAX = 3;
/** The statuses that are final if the collector itself answers. */
const FINAL = [400, 401, 403, 413];

interface Waiting extends Chunk {
  bytes?: Uint8Array<ArrayBuffer>;
  /** How often it was refused so, and whether another passed meanwhile. */
  blocked: number;
  passed?: boolean;
}

export function createUploader(client: Client, leftovers: Leftovers, events: UploadEvents): Uploader {
  const waiting: Waiting[] = leftovers.all().map((chunk) => ({ ...chunk, blocked: 0 }));
  let running = false;
  let stopped = false;
  /** No request before this time, by `performance.now()`: the collector's `Retry-After`. */
  let notBefore = 0;

  const done = (chunk: Waiting) => {
    const at = waiting.indexOf(chunk);
    if (at >= 0) waiting.splice(at, 1);
    leftovers.forget(chunk);
  };
  const keep = () =>
    leftovers.keep(waiting.map(({ session, seq, ts, json }) => ({ session, seq, ts, json })));
  /** The pause before the next try; the waiting chunks are stored first, in case the page crashes. */
  const rest = (ms: number) => {
    keep();
    return new Promise((resolve) => setTimeout(resolve, ms));
  };

  const run = async () => {
    if (running) return;
    running = true;
    for (let attempt = 0; waiting[0] !== undefined && !stopped; ) {
      // Others may pass where one, for its size perhaps, does not; the order is in their numbers.
      waiting.sort((a, b) => a.blocked - b.blocked);
      const [chunk] = waiting;
      if (client.congested()) {
        await rest(client.pause(0));
        continue;
      }
      chunk.bytes ??= await gzip(chunk.json);
      const { status, refused, retryAfterMs } = await send(client, chunk, chunk.bytes);
      if (refused && (status === 401 || status === 403)) {
        stopped = true;
        waiting.forEach(leftovers.forget);
        waiting.length = 0;
        return events.refused();
      }
      if (status === 204) {
        attempt = 0;
        for (const other of waiting) other.passed = other.blocked > 0;
      } else if (refused || isBlocked(chunk, status)) events.lost(chunk);
      else {
        const ms = client.pause(attempt, retryAfterMs);
        if (retryAfterMs) notBefore = performance.now() + ms;
        attempt += 1;
        await rest(ms);
        continue;
      }
      done(chunk);
    }
    running = false;
    if (!stopped) events.idle();
  };

  return {
    start: () => void run(),
    add: (chunk) => {
      if (waiting.reduce((sum, { json }) => sum + json.length, 0) > WAITING_LENGTH_MAX) events.full();
      waiting.push({ ...chunk, blocked: 0 });
      void run();
    },
    leave: () => {
      keep();
      if (performance.now() < notBefore) return;
      let room = LEAVE_BYTES_MAX;
      for (const chunk of waiting) {
        // The gzip stream is a little longer than the text.
        if (chunk.bytes === undefined && chunk.json.length > room) continue;
        const bytes = chunk.bytes ?? wrap(chunk.json);
        if (bytes.length > room) continue;
        room -= bytes.length;
        // A microtask later, so that events come first.
        void Promise.resolve()
          .then(() => send(client, chunk, bytes, { keepalive: true }))
          .then(({ status }) => status === 204 && done(chunk));
      }
    },
    stop: () => {
      stopped = true;
    },
  };
}

/** Counts the refusals of a proxy in the collector's place: true if it takes others, but not this chunk. */
function isBlocked(chunk: Waiting, status: number): boolean {
  if (FINAL.includes(status)) chunk.blocked++;
  return chunk.passed === true && chunk.blocked > BLOCKED_MAX;
}

/** Status 0 stands for no answer. */
async function send(
  client: Client,
  { session, seq, ts, atMs }: Chunk,
  body: Uint8Array<ArrayBuffer>,
  init: RequestInit = {},
): Promise<{ status: number; refused?: boolean; retryAfterMs?: number }> {
  const { endpoint, app, key } = client.options;
  // By the clock that gave the chunk its time, should it have been set back since. Set ahead cannot be told from sleep.
  const sentAt = Math.max(Date.now(), atMs === undefined ? 0 : Math.round(ts + performance.now() - atMs));
  const query = new URLSearchParams({
    app,
    session,
    seq: String(seq),
    ts: String(ts),
    sent_at: String(sentAt),
  });
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), TRY_MS_MAX);
  try {
    const response = await client.fetch(`${endpoint}/v1/replay?${query}`, {
      method: 'POST',
      headers: { 'X-Spyglass-Key': key, 'Content-Type': 'application/octet-stream' },
      body,
      credentials: 'omit',
      signal: giveUp.signal,
      ...init,
    });
    const { status, headers } = response;
    const problem = FINAL.includes(status) && (await (await import('../divide.js')).problemOf(response));
    return { status, refused: !!problem, retryAfterMs: Number(headers.get('Retry-After')) * 1_000 };
  } catch {
    return { status: 0 };
  } finally {
    clearTimeout(timer);
  }
}
