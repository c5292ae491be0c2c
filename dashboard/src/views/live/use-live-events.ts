/** The live view's events: the newest, what arrives after them, and older ones on demand. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type ClientError, client, type Event, type LiveFilter, noted } from '../../api/client.js';
import { useWhenBack } from '../../api/connection.js';
import { followStream, type StreamState } from '../../api/stream.js';

/** More are not held: the oldest are dropped. */
export const HELD_MAX = 10_000;
const FIRST_PAGE = 100;
const PAGE = 500;
/** The least time between two renders of arriving events. */
const DRAW_MS = 200;

interface Held {
  /** Newest first. */
  events: readonly Event[];
  /** Held back while the view is paused. */
  waiting: Event[];
  /** Of the store: 0 before its first event; `undefined` until known. */
  head: number | undefined;
  /** The newest id when the view was opened. */
  openedAt: number;
  state: StreamState;
  error: ClientError | undefined;
  /** Why older events could not be loaded; tried again when the collector is back, or by `retryMore`. */
  moreError: ClientError | undefined;
  /** Of older events. */
  cursor: string | undefined;
  isLoading: boolean;
}

export interface LiveEvents extends Held {
  hasMore: boolean;
  loadMore: () => void;
  retryMore: () => void;
  reload: () => void;
}

/** Follows the events that match the filter; while `paused`, new ones wait. */
export function useLiveEvents({ user, type, app, session }: LiveFilter, paused: boolean): LiveEvents {
  const [, setDrawn] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const draw = () => setDrawn((times) => times + 1);
  const reload = () => setAttempt((times) => times + 1);
  const isPaused = useRef(paused);
  isPaused.current = paused;
  const what = [user, type, app, session, attempt];
  const filter = useMemo(() => ({ user, type, app, session }), what);
  const held = useMemo(nothing, what);

  useEffect(() => {
    const stop = new AbortController();
    let due: ReturnType<typeof setTimeout> | undefined;
    const onArrival = () => {
      due ??= setTimeout(() => {
        due = undefined;
        if (!isPaused.current) release(held);
        draw();
      }, DRAW_MS);
    };
    begin(held, filter, { signal: stop.signal, onArrival, onState: draw, onReset: reload });
    return () => {
      clearTimeout(due);
      stop.abort();
    };
  }, [held]);

  useEffect(() => {
    if (paused) return;
    release(held);
    draw();
  }, [paused]);

  const loadMore = () => void loadOlder(held, filter)?.then(draw);
  const retryMore = () => {
    held.moreError = undefined;
    loadMore();
  };
  useWhenBack(held.error, reload);
  useWhenBack(held.moreError, retryMore);
  return { ...held, hasMore: hasOlder(held), loadMore, retryMore, reload };
}

function nothing(): Held {
  return {
    events: [],
    waiting: [],
    head: undefined,
    openedAt: 0,
    state: 'connecting',
    error: undefined,
    moreError: undefined,
    cursor: undefined,
    isLoading: false,
  };
}

interface FollowOptions {
  signal: AbortSignal;
  /** Called when an event waits. */
  onArrival: () => void;
  /** Called when anything else has changed. */
  onState: () => void;
  /** Events are gone: list anew. */
  onReset: () => void;
}

/** Lists the newest events, then follows. */
async function begin(held: Held, filter: LiveFilter, options: FollowOptions): Promise<void> {
  const { signal, onArrival, onState, onReset } = options;
  try {
    const page = await client.ask('events', { ...filter, limit: FIRST_PAGE }, { signal });
    held.events = page.events;
    held.cursor = page.next_cursor;
    held.head = page.head;
    held.openedAt = page.head;
  } catch (error) {
    if (signal.aborted) return;
    held.error = noted(error);
  }
  onState();
  const { head: after } = held;
  if (after === undefined) return;
  // With several collectors the head trails the listing, and the stream repeats the events in between.
  const listed = new Set(held.events.filter(({ id }) => id > after).map(({ id }) => id));
  const onEvent = (event: Event) => {
    if (listed.delete(event.id)) return;
    held.waiting.push(event);
    if (held.waiting.length > HELD_MAX) held.waiting.shift();
    held.head = Math.max(held.head ?? 0, event.id);
    onArrival();
  };
  const leave = followStream({
    ...{ filter, after, onEvent, onReset },
    onState(state) {
      held.state = state;
      onState();
    },
  });
  signal.addEventListener('abort', leave);
}

const hasOlder = ({ cursor, events }: Held): boolean => cursor !== undefined && events.length < HELD_MAX;

/** Settles when `held` has changed; `undefined` where there is nothing to load. */
function loadOlder(held: Held, filter: LiveFilter): Promise<void> | undefined {
  const { cursor } = held;
  if (!hasOlder(held) || held.isLoading || held.moreError !== undefined) return undefined;
  held.isLoading = true;
  return client
    .ask('events', { ...filter, limit: PAGE, cursor })
    .then((page) => {
      held.events = [...held.events, ...page.events].slice(0, HELD_MAX);
      held.cursor = page.next_cursor;
    })
    .catch((error: unknown) => {
      held.moreError = noted(error);
    })
    .finally(() => {
      held.isLoading = false;
    });
}

/** Puts the waiting events on top. */
function release(held: Held): void {
  if (held.waiting.length === 0) return;
  // Batches of several sessions arrive together, so they are sorted by time.
  held.waiting.sort((a, b) => b.ts - a.ts || b.id - a.id);
  held.events = [...held.waiting, ...held.events].slice(0, HELD_MAX);
  held.waiting = [];
}
