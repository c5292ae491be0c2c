/**
 * The bounded queue before the intake thread, on the HTTP thread: it parses no body, and looks at the start of one
 * only while many wait. The raw requests of one turn are one message. Each request holds a place until it is
 * answered, in any order.
 */
import {
  KEY_CHECK_FROM_BYTES,
  KEY_CHECK_FROM_REQUESTS,
  QUEUE_BYTES_MAX,
  QUEUE_REQUESTS_MAX,
} from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import { claimedBytes } from './body.js';
import type { Answers, IngestMessage } from './messages.js';
import { CLIENT_LEFT, FULL, KEY_NOT_SHOWN } from './refusals.js';
import { openRoom } from './room.js';
import type { Connection, IngestRequest } from './types.js';

interface Waiting {
  address: string;
  bytes: number;
  /** The places of the connection's requests. */
  held: Set<number> | undefined;
  resolve: (refusal: Refusal | undefined) => void;
}

type Post = (message: IngestMessage, transfer: ArrayBuffer[]) => void;

/** A request, with what the queue knows of it. */
interface Queued {
  request: IngestRequest;
  place: number;
  sender: number;
}

/** The requests of one turn as one message. */
function packTurn(turn: readonly Queued[]): IngestMessage {
  let length = 0;
  for (const { request } of turn) length += request.body.length;
  const bytes = new Uint8Array(length);
  const lists = { lengths: [], receivedAt: [], places: [], senders: [], headers: [] };
  const message: IngestMessage = { kind: 'ingest', bytes, ...lists };
  let at = 0;
  for (const { request, place, sender } of turn) {
    const { body, receivedAt, encoding, origin } = request;
    bytes.set(body, at);
    at += body.length;
    const count = message.lengths.push(body.length);
    message.receivedAt.push(receivedAt);
    message.places.push(place);
    message.senders.push(sender);
    if (encoding === undefined && origin === undefined) continue;
    message.headers.push([
      count - 1,
      { ...(encoding !== undefined && { encoding }), ...(origin !== undefined && { origin }) },
    ]);
  }
  return message;
}

/** Posts the requests of one turn at its end. */
function openSending(post: Post) {
  let turn: Queued[] = [];
  const flush = (): void => {
    const message = packTurn(turn);
    turn = [];
    post(message, [message.bytes.buffer]);
  };
  return (queued: Queued): void => {
    if (turn.push(queued) === 1) setImmediate(flush);
  };
}

/** Those who wait until nothing is left to do; `note` looks whether that is so. */
function openIdle(isIdle: () => boolean) {
  let onIdle: (() => void)[] = [];
  const note = (): void => {
    if (!isIdle()) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };
  const wait = () =>
    new Promise<void>((resolve) => {
      onIdle.push(resolve);
      note();
    });
  return { note, wait };
}

/** Numbers for addresses; one that has not been seen for a while gets another. */
function openNumbers() {
  const numbers = new Map<string, number>();
  let next = 0;
  return (address: string): number => {
    const known = numbers.get(address);
    if (known !== undefined) return known;
    if (numbers.size >= QUEUE_REQUESTS_MAX) numbers.clear();
    numbers.set(address, next);
    return next++;
  };
}

/** Flags the places of requests whose connection has closed, in memory that the intake thread sees. */
function openConnections(gone: Uint8Array) {
  const places = new WeakMap<Connection, Set<number>>();
  return (connection: Connection, place: number): Set<number> => {
    const known = places.get(connection);
    if (known !== undefined) return known.add(place);
    const held = new Set([place]);
    places.set(connection, held);
    connection.once('close', () => {
      for (const each of held) Atomics.store(gone, each, 1);
    });
    return held;
  };
}

/**
 * `post` sends to the thread that has the intake; that thread needs `gone`. `bodyBytesMax` is the limit of a
 * body, inflated. While the thread cannot keep up, as during a slow sync, or many bodies without a key wait to be
 * searched, only what `showsKeyAtStart` is let in: else a flood without keys would fill the queue.
 */
export function openIngestQueue(
  post: Post,
  bodyBytesMax: number,
  showsKeyAtStart: (request: IngestRequest) => boolean = () => true,
) {
  const gone = new Uint8Array(new SharedArrayBuffer(QUEUE_REQUESTS_MAX));
  const room = openRoom<string>({ requests: QUEUE_REQUESTS_MAX, bytes: QUEUE_BYTES_MAX });
  const free = Array.from({ length: QUEUE_REQUESTS_MAX }, (_, index) => QUEUE_REQUESTS_MAX - 1 - index);
  const waiting: (Waiting | undefined)[] = new Array(QUEUE_REQUESTS_MAX).fill(undefined);
  const hold = openConnections(gone);
  const numberOf = openNumbers();
  const send = openSending(post);
  const idle = openIdle(() => room.used.requests === 0);
  let refusedBy: Refusal | undefined;

  const answer = (place: number, refusal: Refusal | undefined): void => {
    const one = waiting[place];
    if (one === undefined) return;
    waiting[place] = undefined;
    free.push(place);
    one.held?.delete(place);
    room.leave(one.address, one.bytes);
    one.resolve(refusal);
  };

  return {
    /** Shared memory: a place's byte is 1 once the connection of its request has closed. */
    gone,
    ingest(request: IngestRequest): Promise<Refusal | undefined> {
      const { address = '', connection } = request;
      if (refusedBy) return Promise.resolve(refusedBy);
      if (connection?.destroyed) return Promise.resolve(CLIENT_LEFT);
      // One that says more will be refused: it must not take the room of others.
      const claim = claimedBytes(request);
      const bytes = claim > bodyBytesMax ? request.body.length : claim;
      const { used } = room;
      const isBusy = used.requests >= KEY_CHECK_FROM_REQUESTS || used.bytes >= KEY_CHECK_FROM_BYTES;
      // A full queue looks at no body.
      const place = room.take(address, bytes) ? free.pop() : undefined;
      if (place === undefined) return Promise.resolve(FULL);
      if (isBusy && !showsKeyAtStart(request)) {
        free.push(place);
        room.leave(address, bytes);
        return Promise.resolve(KEY_NOT_SHOWN);
      }
      Atomics.store(gone, place, 0);
      const held = connection && hold(connection, place);
      return new Promise((resolve) => {
        waiting[place] = { address, bytes, held, resolve };
        send({ request, place, sender: numberOf(address) });
      });
    },
    answer({ places, refusals }: Answers): void {
      for (const [place, refusal] of refusals) answer(place, refusal);
      for (const place of places) answer(place, undefined);
      idle.note();
    },
    /** Answers every request, waiting and to come, with the refusal. */
    refuseAll(refusal: Refusal): void {
      refusedBy = refusal;
      for (let place = 0; place < waiting.length; place++) answer(place, refusal);
      idle.note();
    },
    sizes: () => ({ queue_requests: room.used.requests, queue_bytes: room.used.bytes }),
    /** Settles when nothing waits. */
    idle: idle.wait,
  };
}
