/** The live feed: reads the log's tail once for all followers, and sends it as server-sent events. */
import type { Writable } from 'node:stream';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { StoredEvent } from '../../domain/event.js';
import {
  STREAM_ALL_BYTES_MAX,
  STREAM_BUFFER_BYTES_MAX,
  STREAM_BUSY_MS,
  STREAM_ENDING_MS,
  STREAM_HEARTBEAT_MS,
  STREAM_PAGE_EVENTS,
  STREAM_PAUSE_MS,
  STREAM_STALL_MS,
} from '../../domain/limits.js';
import { eventJson, onOneLine } from '../../questions/event-json.js';
import { type EventFilter, matches } from '../../questions/filter.js';
import { ReadsFull, ReadTimeout, type Store, type TailPage } from '../../store/port.js';
import type { Logger } from '../context.js';

export type StreamHub = ReturnType<typeof createStreamHub>;

/**
 * A follower is, one after the other:
 *
 * 1. catching up: the hub reads pages for it alone, and waits until it has accepted each event;
 * 2. live, once it is at the hub's position: it gets what the hub reads for all;
 * 3. gone: it ended, or was dropped because it had too many unsent bytes or accepted nothing for too long.
 */
interface Follower {
  readonly sink: Writable;
  readonly filter: EventFilter;
  /** Whether its reader may still have it. */
  readonly holds: () => boolean;
  /** Every event up to this id was sent, does not match or no longer exists. */
  position: number;
  /** Since when catching up waits for it to accept more, of `performance.now()`. */
  waitingSince?: number;
  gone: boolean;
}

interface StreamOptions {
  store: Pick<Store, 'tail' | 'onCommit'>;
  log: Logger;
  /** How often each follower is sent its position. */
  heartbeatMs?: number;
  /** The least time between two reads for live followers. */
  pauseMs?: number;
  /** Unsent bytes of a live follower, and of all together. */
  bufferBytesMax?: number;
  allBytesMax?: number;
}

interface Hub extends Required<StreamOptions> {
  followers: Set<Follower>;
  live: Set<Follower>;
  /** Every event up to this id was offered to all live followers. */
  position: number;
  /** The newest committed id. */
  head: number;
  isPumping: boolean;
  isClosed: boolean;
  heartbeat?: NodeJS.Timeout | undefined;
  /** The last read for a follower that catches up; they read one after the other. */
  lastRead: Promise<unknown>;
}

/** Reads only while there are followers. */
export function createStreamHub(options: StreamOptions) {
  const hub: Hub = {
    heartbeatMs: STREAM_HEARTBEAT_MS,
    pauseMs: STREAM_PAUSE_MS,
    bufferBytesMax: STREAM_BUFFER_BYTES_MAX,
    allBytesMax: STREAM_ALL_BYTES_MAX,
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
    /** Sends `sink` each matching event with an id over `after` once, in order, until either side ends it. */
    follow: (sink: Writable, filter: EventFilter, after: number, holds = () => true): void =>
      follow(hub, { sink, filter, holds, position: after, gone: false }),
    /** Ends the streams that no longer hold. */
    review(): void {
      for (const follower of hub.followers) if (!follower.holds()) end(hub, follower);
    },
    followers: () => hub.followers.size,
    /** Ends every stream; clients reconnect by themselves. */
    close(): void {
      hub.isClosed = true;
      stopListening();
      for (const follower of hub.followers) end(hub, follower);
    },
  };
}

function follow(hub: Hub, follower: Follower): void {
  const { sink } = follower;
  if (hub.isClosed || !follower.holds()) {
    sink.end();
    return;
  }
  hub.followers.add(follower);
  sink.once('close', () => leave(hub, follower));
  sink.on('error', () => drop(hub, follower));
  hub.heartbeat ??= setInterval(() => beat(hub), hub.heartbeatMs).unref();
  catchUp(hub, follower).catch((error: unknown) => {
    hub.log.warn({ err: error }, 'the live feed could not read the log for a reader, which will reconnect');
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

/** Ends a stream after what was written to it, but does not wait for a reader that takes nothing. */
function end(hub: Hub, follower: Follower): void {
  leave(hub, follower);
  follower.sink.end();
  setTimeout(() => follower.sink.destroy(), STREAM_ENDING_MS).unref();
}

/** Writes a frame to a live follower; drops one that has too many unsent bytes. */
function push(hub: Hub, follower: Follower, frame: string): void {
  if (follower.sink.writableLength > hub.bufferBytesMax) drop(hub, follower);
  else follower.sink.write(frame);
}

function beat(hub: Hub): void {
  const now = performance.now();
  for (const follower of hub.followers) {
    if (follower.waitingSince === undefined) push(hub, follower, idFrame(follower.position));
    else if (now - follower.waitingSince > STREAM_STALL_MS) drop(hub, follower);
  }
}

/** Reads for the live followers up to the head, a page at a time. */
async function pump(hub: Hub): Promise<void> {
  if (hub.isPumping) return;
  hub.isPumping = true;
  try {
    while (hub.live.size > 0 && hub.position < hub.head) {
      const page = await readTail(hub, hub.position, () => hub.live.size === 0);
      if (page === undefined) break;
      hub.position = page.next;
      await offerToAll(hub, page);
      await sleep(hub.pauseMs, undefined, { ref: false });
    }
  } catch (error) {
    hub.log.warn({ err: error }, 'the live feed could not read the log; its readers will reconnect');
    for (const follower of hub.live) drop(hub, follower);
  } finally {
    hub.isPumping = false;
  }
}

/** Reads a page; while the store has too much to do it tries again, until nobody waits for the page. */
async function readTail(hub: Hub, after: number, isVain: () => boolean): Promise<TailPage | undefined> {
  while (!isVain()) {
    try {
      return await hub.store.tail(after, STREAM_PAGE_EVENTS);
    } catch (error) {
      if (!(error instanceof ReadsFull || error instanceof ReadTimeout)) throw error;
      await sleep(STREAM_BUSY_MS, undefined, { ref: false });
    }
  }
  return undefined;
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
    // Sockets send between turns of the event loop: without one, any reader of a large page looks slow.
    if (unyielded > hub.bufferBytesMax / 4) {
      unyielded = 0;
      await turn();
      shed(hub);
    }
  }
  for (const follower of live) follower.position = Math.max(follower.position, page.next);
  shed(hub);
}

/** Drops the followers with the most unsent bytes while all together have too many. */
function shed(hub: Hub): void {
  let unsent = 0;
  for (const { sink } of hub.followers) unsent += sink.writableLength;
  if (unsent <= hub.allBytesMax) return;
  const slowest = [...hub.followers].sort((a, b) => b.sink.writableLength - a.sink.writableLength);
  for (const follower of slowest) {
    if (unsent <= hub.allBytesMax) return;
    unsent -= follower.sink.writableLength;
    drop(hub, follower);
  }
}

/** Reads one page at a time for all followers that catch up, with a turn of the event loop after each. */
function readInTurn(hub: Hub, follower: Follower): Promise<TailPage | undefined> {
  const read = hub.lastRead.then(() => readTail(hub, follower.position, () => follower.gone));
  hub.lastRead = read.catch(() => {}).then(() => turn());
  return read;
}

/** Reads for one follower until it is at the hub's position, then makes it live. */
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

/** Makes the follower live if it has everything before the hub's position. */
function join(hub: Hub, follower: Follower): boolean {
  if (hub.live.size === 0 && !hub.isPumping) hub.position = follower.position;
  if (follower.position < hub.position) return false;
  hub.live.add(follower);
  push(hub, follower, idFrame(follower.position));
  void pump(hub);
  return true;
}

/** Writes a frame, and waits while the follower's buffer is full. */
async function pour(follower: Follower, frame: string): Promise<void> {
  const { sink } = follower;
  if (follower.gone || sink.write(frame)) return;
  follower.waitingSince = performance.now();
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

/** Advances the client's `Last-Event-ID` without an event. */
function idFrame(id: number): string {
  return `id: ${id}\n\n`;
}

/** Tells a client that events it asked for are gone or never existed: it must list anew. */
function resetFrame(head: number): string {
  return `event: reset\ndata: {"head":${head}}\n\n`;
}
