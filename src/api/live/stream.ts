/** The live feed: one reader of the log's tail for everybody who follows it, as server-sent events. */
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredEvent } from '../../domain/event.js';
import {
  STREAM_BUFFER_BYTES_MAX,
  STREAM_HEARTBEAT_MS,
  STREAM_PAGE_EVENTS,
  STREAM_PAUSE_MS,
  STREAM_STALL_MS,
} from '../../domain/limits.js';
import { eventJson, onOneLine } from '../../questions/event-json.js';
import { type EventFilter, matches } from '../../questions/filter.js';
import type { Store, TailPage } from '../../store/port.js';
import type { Logger } from '../logger.js';

export interface StreamHub {
  /** Sends `sink` every matching event with an id over `after`, in order, each once, until either side ends it. */
  follow(sink: Writable, filter: EventFilter, after: number): void;
  /** How many follow now. */
  followers(): number;
  /** Ends every stream; the clients come back by themselves. */
  close(): void;
}

/**
 * Somebody who follows. Its life:
 *
 * 1. catching up: pages are read for it alone, and it is waited for, so however much it missed, little is held;
 * 2. live, once it is as far as the hub: it is written what the hub reads for all;
 * 3. gone: it ended, or was dropped because too much waited to be sent, or nothing moved for too long.
 */
interface Follower {
  readonly sink: Writable;
  readonly filter: EventFilter;
  /** Every event up to this id was sent, or does not match, or does not exist any more. */
  position: number;
  /** Since when its catching up waits for it to take more, Unix ms. */
  waitingSince?: number;
  gone: boolean;
}

interface StreamOptions {
  store: Pick<Store, 'tail' | 'onCommit'>;
  log: Logger;
  /** How often everybody is told the id they are at. */
  heartbeatMs?: number;
  /** The least time between two reads for those who are live. */
  pauseMs?: number;
  /** What may wait to be sent to a follower who is live. */
  bufferBytesMax?: number;
}

/** The state of a hub. */
interface Hub extends Required<StreamOptions> {
  followers: Set<Follower>;
  live: Set<Follower>;
  /** Everything up to here has been offered to all who are live. */
  position: number;
  /** The newest id a commit told of. */
  head: number;
  isPumping: boolean;
  isClosed: boolean;
  heartbeat?: NodeJS.Timeout | undefined;
  /** The last read for somebody who catches up: they take turns. */
  lastRead: Promise<unknown>;
}

/** A hub over the log of `store`. It reads only while somebody follows. */
export function createStreamHub(options: StreamOptions): StreamHub {
  const hub: Hub = {
    heartbeatMs: STREAM_HEARTBEAT_MS,
    pauseMs: STREAM_PAUSE_MS,
    bufferBytesMax: STREAM_BUFFER_BYTES_MAX,
    ...options,
    followers: new Set(),
    live: new Set(),
    position: 0,
    head: 0,
    isPumping: false,
    isClosed: false,
    lastRead: Promise.resolve(),
  };
  const stopListening = hub.store.onCommit((head) => {
    hub.head = Math.max(hub.head, head);
    void pump(hub);
  });
  return {
    follow: (sink, filter, after) => follow(hub, { sink, filter, position: after, gone: false }),
    followers: () => hub.followers.size,
    close() {
      hub.isClosed = true;
      stopListening();
      for (const follower of hub.followers) {
        leave(hub, follower);
        follower.sink.end();
      }
    },
  };
}

function follow(hub: Hub, follower: Follower): void {
  const { sink } = follower;
  if (hub.isClosed) {
    sink.end();
    return;
  }
  hub.followers.add(follower);
  sink.once('close', () => leave(hub, follower));
  sink.on('error', () => drop(hub, follower));
  hub.heartbeat ??= setInterval(() => beat(hub), hub.heartbeatMs).unref();
  catchUp(hub, follower).catch((error: unknown) => {
    hub.log.warn({ err: error }, 'a reader of the live feed could not catch up; it will come back');
    drop(hub, follower);
  });
}

function leave(hub: Hub, follower: Follower): void {
  follower.gone = true;
  hub.live.delete(follower);
  hub.followers.delete(follower);
  if (hub.followers.size > 0) return;
  clearInterval(hub.heartbeat);
  hub.heartbeat = undefined;
}

function drop(hub: Hub, follower: Follower): void {
  leave(hub, follower);
  follower.sink.destroy();
}

/** Writes a frame to a follower who is live, unless it has fallen too far behind. */
function push(hub: Hub, follower: Follower, frame: string): void {
  if (follower.sink.writableLength > hub.bufferBytesMax) drop(hub, follower);
  else follower.sink.write(frame);
}

function beat(hub: Hub): void {
  const now = Date.now();
  for (const follower of hub.followers) {
    if (follower.waitingSince === undefined) push(hub, follower, idFrame(follower.position));
    else if (now - follower.waitingSince > STREAM_STALL_MS) drop(hub, follower);
  }
}

/** Reads on for those who are live until they are at the head, a page at a time with a pause after each. */
async function pump(hub: Hub): Promise<void> {
  if (hub.isPumping) return;
  hub.isPumping = true;
  try {
    while (hub.live.size > 0 && hub.position < hub.head) {
      const page = await hub.store.tail(hub.position, STREAM_PAGE_EVENTS);
      hub.position = page.next;
      await offerToAll(hub, page);
      await sleep(hub.pauseMs, undefined, { ref: false });
    }
  } catch (error) {
    hub.log.warn({ err: error }, 'the live feed could not read on; its readers will come back');
    for (const follower of hub.live) drop(hub, follower);
  } finally {
    hub.isPumping = false;
  }
}

async function offerToAll(hub: Hub, page: TailPage): Promise<void> {
  const { live } = hub;
  if (page.gap) for (const follower of live) push(hub, follower, resetFrame(page.head));
  let unyielded = 0;
  for (const event of page.events) {
    let frame: string | undefined;
    for (const follower of live) {
      if (event.id <= follower.position) continue;
      follower.position = event.id;
      if (!matches(event, follower.filter)) continue;
      frame ??= eventFrame(event);
      push(hub, follower, frame);
      unyielded += frame.length;
    }
    // Sockets are written to between turns only: without a turn, a large page would look like a slow reader.
    if (unyielded > hub.bufferBytesMax / 4) {
      unyielded = 0;
      await turn();
    }
  }
  for (const follower of live) follower.position = Math.max(follower.position, page.next);
}

/** Those who catch up read one after the other: however many they are, one page is on its way, and commits get their turn. */
function readInTurn(hub: Hub, follower: Follower): Promise<TailPage | undefined> {
  const read = hub.lastRead.then(async () =>
    follower.gone ? undefined : hub.store.tail(follower.position, STREAM_PAGE_EVENTS),
  );
  hub.lastRead = read.then(turn, turn);
  return read;
}

/** Reads for one follower alone until it is as far as those who are live, and then makes it one of them. */
async function catchUp(hub: Hub, follower: Follower): Promise<void> {
  while (!follower.gone) {
    const page = await readInTurn(hub, follower);
    if (page === undefined) return;
    if (page.gap) await pour(follower, resetFrame(page.head));
    for (const event of page.events) {
      if (follower.gone) return;
      if (matches(event, follower.filter)) await pour(follower, eventFrame(event));
      follower.position = event.id;
    }
    follower.position = page.next;
    if (page.next >= page.head && !follower.gone && join(hub, follower)) return;
  }
}

/** True when nothing lies between the follower and what the hub reads next; from then on the hub serves it. */
function join(hub: Hub, follower: Follower): boolean {
  if (hub.live.size === 0 && !hub.isPumping) hub.position = follower.position;
  if (follower.position < hub.position) return false;
  hub.live.add(follower);
  push(hub, follower, idFrame(follower.position));
  void pump(hub);
  return true;
}

/** Writes a frame, and waits for a follower whose buffer is full. */
async function pour(follower: Follower, frame: string): Promise<void> {
  const { sink } = follower;
  if (follower.gone || sink.write(frame)) return;
  follower.waitingSince = Date.now();
  await new Promise<void>((resolve) => {
    const goOn = () => {
      sink.off('drain', goOn);
      sink.off('close', goOn);
      resolve();
    };
    sink.on('drain', goOn);
    sink.on('close', goOn);
  });
  delete follower.waitingSince;
}

function eventFrame(event: StoredEvent): string {
  return `id: ${event.id}\ndata: ${onOneLine(eventJson(event))}\n\n`;
}

/** Moves the client's cursor on, and is no event to it. */
function idFrame(id: number): string {
  return `id: ${id}\n\n`;
}

/** Tells a client that events it asked for are gone, or never were: what it shows has to be listed anew. */
function resetFrame(head: number): string {
  return `event: reset\ndata: {"head":${head}}\n\n`;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
