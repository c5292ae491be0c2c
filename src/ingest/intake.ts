/**
 * The intake, on the thread that reads bodies: what to do with raw requests, in which order.
 *
 * Each request is first looked at (`door.ts`): a wrong app or key at the body's start is refused at once. With
 * the right one it waits for its turn, and is read then. A request that does not show any waits until nobody else
 * does; its body is then searched, within a small share of the thread's time.
 */
import type { Config } from '../config/config.js';
import type { ColumnRequest } from '../domain/event-columns.js';
import {
  GROUP_BODY_BYTES_MAX,
  GROUP_EVENTS_MAX,
  GROUP_REQUESTS_MAX,
  QUEUE_BYTES_MAX,
  QUEUE_REQUESTS_MAX,
} from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import { claimedBytes } from './body.js';
import { createDoor, type Door } from './door.js';
import { openKeyless } from './keyless.js';
import type { IngestMessage } from './messages.js';
import { openReading, type ReadExact } from './reading.js';
import { CLIENT_LEFT, FULL, KEY_NOT_SHOWN } from './refusals.js';
import { openRoom } from './room.js';
import { openTurns, type Waits } from './turns.js';
import type { IngestRequest, Known } from './types.js';

/** A valid request; its place is to be answered once it is stored. */
export interface ValidRequest {
  place: number;
  batch: ColumnRequest;
}

/** Requests that are done with here: to be stored, or to be answered with a refusal. */
export interface Taken {
  valid: ValidRequest[];
  refusals: [place: number, refusal: Refusal][];
}

export interface IntakeOptions {
  /** Of the queue: a place's byte is 1 once its connection has closed. */
  gone: Uint8Array;
  /** Loads the exact reader, at the first body that needs it: few apps send one. */
  loadExact: () => Promise<ReadExact>;
  /** Whether `take` can take valid requests. Call `drainSoon` once it can again. */
  isReady: () => boolean;
  /** Gets what is done with, some requests at a time. */
  take: (taken: Taken) => void;
  /** Gets what a reader of bodies throws: a fault of the collector, to be told to the operator. */
  onError: (error: unknown) => void;
}

interface Entry extends Waits {
  request: IngestRequest;
  place: number;
  known: Known;
  /** Whether it takes of its app's share. */
  holdsRoom: boolean;
}

/** What the operator is told of such an error. */
export const unread = (error: unknown): string =>
  `a body could not be read: ${error instanceof Error ? (error.stack ?? error.message) : error}`;

const NOTHING_KNOWN: Known = {};

function entriesOf(message: IngestMessage): Entry[] {
  const { bytes, lengths, receivedAt, places, senders, headers } = message;
  let at = 0;
  const entries = lengths.map((length, index): Entry => {
    const body = bytes.subarray(at, at + length);
    at += length;
    return {
      request: { body, receivedAt: receivedAt[index] ?? 0 },
      place: places[index] ?? 0,
      sender: senders[index] ?? 0,
      app: '',
      bytes: length,
      holdsRoom: false,
      known: NOTHING_KNOWN,
    };
  });
  for (const [index, named] of headers) Object.assign(entries[index]?.request ?? {}, named);
  return entries;
}

/** Call `configure` before the first `push`. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #reading: ReturnType<typeof openReading>;
  readonly #keyless: ReturnType<typeof openKeyless<Entry>>;
  readonly #turns = openTurns<Entry>();
  readonly #room = openRoom<string>({ requests: QUEUE_REQUESTS_MAX, bytes: QUEUE_BYTES_MAX });
  #door: Door | undefined;
  #hasSeveralApps = false;
  #bodyBytesMax = 0;
  #isDraining = false;
  /** The next request, where it waits for what reads it. */
  #held: Entry | undefined;
  #taken: Taken = { valid: [], refusals: [] };
  /** In `#taken`. */
  #events = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#reading = openReading(options.loadExact, () => this.drainSoon(), options.onError);
    this.#keyless = openKeyless<Entry>(
      (entry) => this.#search(entry),
      () => this.#turns.count() === 0 && this.#held === undefined,
    );
  }

  /** The requests that are looked at or read from here on go by these settings. */
  configure(settings: Pick<Config, 'apps' | 'limits'>): void {
    this.#door = createDoor(settings);
    this.#reading.configure(settings);
    this.#bodyBytesMax = settings.limits.body_bytes;
    this.#hasSeveralApps = Object.keys(settings.apps).length > 1;
  }

  push(message: IngestMessage): void {
    for (const entry of entriesOf(message)) this.#look(entry);
    this.#hand();
  }

  drainSoon(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    setImmediate(() => this.#drain());
  }

  /** Forgets what waits: nobody is answered any more. */
  clear(): void {
    this.#turns.clear();
    this.#keyless.clear();
    this.#held = undefined;
  }

  #look(entry: Entry): void {
    if (this.#isGone(entry)) {
      this.#refuse(entry, CLIENT_LEFT);
      return;
    }
    const seen = this.#door?.look(entry.request);
    if (seen === undefined) this.#waitWithoutKey(entry);
    else if (seen.refusal === undefined) this.#wait(entry, seen.known);
    else this.#refuse(entry, seen.refusal);
  }

  #search(entry: Entry): void {
    const found = this.#isGone(entry) ? { refusal: CLIENT_LEFT } : this.#door?.search(entry.request);
    if (found?.refusal !== undefined) this.#refuse(entry, found.refusal);
    else if (found !== undefined) this.#wait(entry, found.known);
    this.#hand();
  }

  #wait(entry: Entry, known: Known): void {
    entry.known = known;
    entry.app = known.credentials?.app ?? '';
    entry.bytes = known.json?.length ?? claimedBytes(entry.request);
    // What says that it is too large may lie.
    if (entry.bytes > this.#bodyBytesMax) {
      this.#waitWithoutKey(entry);
      return;
    }
    // An app that is alone needs to leave nothing to others.
    entry.holdsRoom = this.#hasSeveralApps && this.#room.take(entry.app, entry.bytes);
    if (this.#hasSeveralApps && !entry.holdsRoom) {
      this.#refuse(entry, FULL);
      return;
    }
    this.#turns.push(entry);
    this.drainSoon();
  }

  #waitWithoutKey(entry: Entry): void {
    if (!this.#keyless.push(entry)) this.#refuse(entry, KEY_NOT_SHOWN);
  }

  #drain(): void {
    this.#isDraining = false;
    // While nothing can be stored, requests wait here and fill the queue, which then refuses.
    if (!this.#options.isReady() || this.#reading.isLoading()) return;
    let bytes = 0;
    for (let count = 0; count < GROUP_REQUESTS_MAX; count++) {
      if (bytes > GROUP_BODY_BYTES_MAX || this.#events > GROUP_EVENTS_MAX) break;
      const entry = this.#held ?? this.#turns.next();
      if (entry === undefined) break;
      if (entry.holdsRoom) this.#room.leave(entry.app, entry.bytes);
      entry.holdsRoom = false;
      this.#held = this.#read(entry) ? undefined : entry;
      if (this.#held !== undefined) break;
      bytes += entry.bytes;
    }
    this.#hand();
    if (this.#turns.count() > 0) this.drainSoon();
    else this.#keyless.soon();
  }

  /** Reads a request that has its turn; false where it has to wait for what reads it. */
  #read(entry: Entry): boolean {
    if (this.#isGone(entry)) {
      this.#refuse(entry, CLIENT_LEFT);
      return true;
    }
    const { known, request, place } = entry;
    const decoded = known.json === undefined ? this.#door?.inflate(request) : { json: known.json };
    if (decoded?.json === undefined) {
      if (decoded === undefined) this.#waitWithoutKey(entry);
      else this.#refuse(entry, decoded.refusal);
      return true;
    }
    known.json = decoded.json;
    const outcome = this.#reading.read(request, known);
    if (outcome?.batch !== undefined) {
      this.#taken.valid.push({ place, batch: outcome.batch });
      this.#events += outcome.batch.columns.ts.length;
    } else if (outcome !== undefined) this.#refuse(entry, outcome.refusal);
    return outcome !== undefined;
  }

  #isGone({ place }: Entry): boolean {
    return Atomics.load(this.#options.gone, place) === 1;
  }

  #refuse({ place }: Entry, refusal: Refusal): void {
    this.#taken.refusals.push([place, refusal]);
  }

  #hand(): void {
    const { valid, refusals } = this.#taken;
    if (valid.length + refusals.length === 0) return;
    this.#taken = { valid: [], refusals: [] };
    this.#events = 0;
    this.#options.take({ valid, refusals });
  }
}
