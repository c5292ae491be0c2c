/**
 * Everything a collector is asked to store at the same time, by clients who ask again until it is acknowledged, and what
 * each of them knows: it is held against the store after every crash.
 *
 * Keepers send events that stay; passers events of days past, for sweeps to take; leavers events and a chunk, and then
 * have themselves erased; recorders replace the same few replay chunks over and over. Events that may go come three in a
 * batch, so that a hole in the ids can be told from a loss.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { DAY_MS } from '../../src/domain/limits.js';
import type { Random } from '../model/random.js';
import { APP, KEY } from '../support/collector.js';

const RETRY_MS = 30;
const KEEPERS = 4;
const RECORDERS = 2;
const CHUNKS = 6;
const KEPT_EVENTS_MAX = 12;
/** Of a batch that may go. */
export const GOING_EVENTS = 3;
const PASSED_DAYS_MAX = 20;
const NOON_MS = DAY_MS / 2;
/** What a collector that is going down, is full, or rewrites its file may say. */
const REFUSALS = [429, 503];

export interface SentBatch {
  user: string;
  names: string[];
  /** Unix ms of the first. */
  ts: number;
  isAcknowledged: boolean;
}

/** What a session's chunk may be: the text acknowledged last, or the one that is being sent. */
export interface SentChunk {
  session: string;
  seq: number;
  acknowledged?: string;
  underWay?: string;
}

export interface Ledger {
  kept: SentBatch[];
  passing: SentBatch[];
  leaving: SentBatch[];
  chunks: SentChunk[];
  /** Users by how far their erasure is. */
  erasures: Map<string, 'asked' | 'done'>;
  /** Answers that were neither a success nor a polite refusal. */
  surprises: string[];
  retries: number;
  acknowledged: number;
}

export interface MixedLoad {
  readonly ledger: Ledger;
  /** Lets the next leaver be erased. */
  erase(): void;
  /** Begins nothing more; settles once nothing is under way. */
  pause(): Promise<void>;
  resume(): void;
  /** Ends the clients, with some of what they wanted unacknowledged. */
  stop(): Promise<void>;
}

export function startMixedLoad(url: () => string, random: Random): MixedLoad {
  const ledger: Ledger = {
    kept: [],
    passing: [],
    leaving: [],
    chunks: [],
    erasures: new Map(),
    surprises: [],
    retries: 0,
    acknowledged: 0,
  };
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const underWay = new Set<Promise<unknown>>();
  let stopped = false;
  let isPaused = false;
  let erasuresWanted = 0;

  const request = async (path: string, init: RequestInit): Promise<boolean> => {
    try {
      const answer = await fetch(url() + path, { method: 'POST', ...init });
      const text = await answer.text();
      // Whoever asks again after a crash may be told that an erasure was finished: nobody knows the user any more.
      if (path === '/v1/erase' && answer.status === 404) return true;
      if (!answer.ok && !REFUSALS.includes(answer.status)) ledger.surprises.push(`${answer.status} ${text}`);
      return answer.ok;
    } catch {
      return false; // nobody there, or gone half-way
    }
  };

  /** Asks until the answer is yes; false when the clients are stopped before. */
  const insist = async (path: string, init: RequestInit): Promise<boolean> => {
    for (let attempt = 0; !stopped; attempt++) {
      while (isPaused && !stopped) await sleep(RETRY_MS);
      if (stopped) break;
      if (attempt > 0) ledger.retries++;
      const answer = request(path, init);
      underWay.add(answer);
      const isYes = await answer.finally(() => underWay.delete(answer));
      if (isYes) {
        ledger.acknowledged++;
        return true;
      }
      await sleep(RETRY_MS);
    }
    return false;
  };

  const sendBatch = async (among: SentBatch[], user: string, session: string, ts: number, count: number) => {
    const names = Array.from({ length: count }, (_, i) => `${user}-${among.length}-${i}`);
    const batch: SentBatch = { user, names, ts, isAcknowledged: false };
    among.push(batch);
    const events = names.map((name, i) => ({
      ts: ts + i,
      user_id: user,
      session_id: session,
      type: i % 5 === 1 ? 'error' : 'event',
      name,
    }));
    const init = { body: JSON.stringify({ app: APP, key: KEY, batch_id: randomUUID(), events }) };
    batch.isAcknowledged = await insist('/v1/events', init);
    // Its answer may have been lost on the way to a client, who then sends it again.
    if (batch.isAcknowledged && random.oneIn(8)) await insist('/v1/events', init);
  };

  const sendChunk = async (chunk: SentChunk, text: string) => {
    chunk.underWay = text;
    const query = `session=${chunk.session}&seq=${chunk.seq}&app=${APP}`;
    const init = { headers: { 'x-spyglass-key': KEY }, body: gzipSync(JSON.stringify([text])) };
    if (await insist(`/v1/replay?${query}`, init)) chunk.acknowledged = text;
  };

  const keep = async (client: number) => {
    for (let n = 0; !stopped; n++) {
      const session = `keep-${client}-${Math.floor(n / 10)}`;
      await sendBatch(ledger.kept, `keep-${client}`, session, Date.now(), random.between(1, KEPT_EVENTS_MAX));
    }
  };

  const pass = async () => {
    for (let n = 0; !stopped; n++) {
      const ts = today - random.between(1, PASSED_DAYS_MAX) * DAY_MS + NOON_MS;
      await sendBatch(ledger.passing, `pass-${n % 9}`, `pass-${n}`, ts, GOING_EVENTS);
    }
  };

  const leave = async () => {
    for (let n = 0; !stopped; n++) {
      const user = `leave-${n}`;
      await sendBatch(ledger.leaving, user, user, Date.now(), GOING_EVENTS);
      const chunk: SentChunk = { session: user, seq: 1 };
      ledger.chunks.push(chunk);
      await sendChunk(chunk, `the replay of ${user}`);
      while (erasuresWanted === 0 && !stopped) await sleep(RETRY_MS);
      if (stopped) return;
      erasuresWanted = 0;
      ledger.erasures.set(user, 'asked');
      if (await insist('/v1/erase', { body: JSON.stringify({ user }) })) ledger.erasures.set(user, 'done');
    }
  };

  const record = async (client: number) => {
    const chunks = Array.from(
      { length: CHUNKS },
      (_, i): SentChunk => ({ session: `keep-${client}-0`, seq: i + 1 }),
    );
    ledger.chunks.push(...chunks);
    for (let n = 0; !stopped; n++) {
      await sendChunk(
        chunks[n % CHUNKS] as SentChunk,
        `recording ${client}-${n} ${'x'.repeat(random.below(999))}`,
      );
    }
  };

  const running = Promise.all([
    ...Array.from({ length: KEEPERS }, (_, client) => keep(client)),
    pass(),
    leave(),
    ...Array.from({ length: RECORDERS }, (_, client) => record(client)),
  ]);
  return {
    ledger,
    erase: () => {
      erasuresWanted++;
    },
    async pause() {
      isPaused = true;
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    resume: () => {
      isPaused = false;
    },
    async stop() {
      stopped = true;
      await running;
    },
  };
}
