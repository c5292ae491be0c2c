/** The live view's events: the newest there are, what arrives after them, and older ones as they are asked for. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, apiPath, getJson, toApiError } from '../../api/client.js';
import { connection, useWhenBack } from '../../api/connection.js';
import { type EventFilter, followStream, type StreamState } from '../../api/stream.js';
import type { Event, EventsAnswer } from '../../api/types.js';

/** More are not held; the oldest go. */
export const HELD_MAX = 10_000;
const FIRST_PAGE = 100;
const PAGE = 500;
/** However fast events arrive, the page is drawn this often at most. */
const DRAW_MS = 200;

export interface LiveEvents {
  /** Newest first. */
  events: readonly Event[];
  /** How many have arrived and are held back while `paused`. */
  waiting: number;
  /** Of the store: 0 before its very first event; `undefined` until known. */
  head: number | undefined;
  state: StreamState;
  error: ApiError | undefined;
  /** Why older ones could not be loaded; they are asked for again once an unreachable collector answers, else only by `retryMore`. */
  moreError: ApiError | undefined;
  /** Whether there are older ones to load. */
  hasMore: boolean;
  loadMore: () => void;
  /** Loads them after `moreError`. */
  retryMore: () => void;
  reload: () => void;
  /** The id of the newest event that was there when the view was opened. */
  openedAt: number;
}

interface Held {
  events: Event[];
  waiting: Event[];
  cursor: string | undefined;
  head: number | undefined;
  openedAt: number;
  state: StreamState;
  error: ApiError | undefined;
  moreError: ApiError | undefined;
  loading: boolean;
}

/** Follows what the filter lets through; while `paused`, what arrives waits. */
export function useLiveEvents({ user, type, app, session }: EventFilter, paused: boolean): LiveEvents {
  const [, setDrawn] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const draw = () => setDrawn((times) => times + 1);
  const again = () => setAttempt((times) => times + 1);
  const held = useRef(nothing());
  const isPaused = useRef(paused);
  isPaused.current = paused;

  useEffect(() => {
    const filter = { user, type, app, session };
    const stop = new AbortController();
    const mine = nothing();
    held.current = mine;
    draw();

    let due: ReturnType<typeof setTimeout> | undefined;
    const drawSoon = () => {
      due ??= setTimeout(() => {
        due = undefined;
        if (!isPaused.current) release(mine);
        draw();
      }, DRAW_MS);
    };
    const begin = async () => {
      const page = await getJson<EventsAnswer>(
        apiPath('/v1/query/events', { ...filter, limit: FIRST_PAGE }),
        stop.signal,
      );
      mine.events = page.events;
      mine.cursor = page.next_cursor;
      mine.head = page.head;
      mine.openedAt = page.head;
      mine.error = undefined;
      draw();
      // Where several collectors store, the head trails what is listed, and the stream brings that once more.
      const listed = new Set(page.events.filter(({ id }) => id > page.head).map(({ id }) => id));
      const leave = followStream({
        filter,
        after: page.head,
        onEvent: (event) => {
          if (listed.delete(event.id)) return;
          mine.waiting.push(event);
          if (mine.waiting.length > HELD_MAX) mine.waiting.shift();
          mine.head = Math.max(mine.head ?? 0, event.id);
          drawSoon();
        },
        onReset: again,
        onState: (state) => {
          mine.state = state;
          draw();
        },
      });
      stop.signal.addEventListener('abort', leave);
    };
    begin().catch((error: unknown) => {
      if (stop.signal.aborted) return;
      mine.error = toApiError(error);
      draw();
      const stopWatching = connection.onChange(() => {
        if (!connection.isLost) again();
      });
      stop.signal.addEventListener('abort', stopWatching);
    });
    return () => {
      clearTimeout(due);
      stop.abort();
    };
  }, [user, type, app, session, attempt]);

  useEffect(() => {
    if (paused) return;
    release(held.current);
    draw();
  }, [paused]);

  const { events, waiting, head, openedAt, state, error, moreError } = held.current;
  // Asks what is held now: a list that comes to its end may call the one it was last drawn with.
  const loadMore = () => {
    const mine = held.current;
    if (!hasOlder(mine) || mine.loading || mine.moreError !== undefined) return;
    mine.loading = true;
    getJson<EventsAnswer>(
      apiPath('/v1/query/events', { user, type, app, session, limit: PAGE, cursor: mine.cursor }),
    )
      .then((page) => {
        mine.events = [...mine.events, ...page.events].slice(0, HELD_MAX);
        mine.cursor = page.next_cursor;
      })
      .catch((error: unknown) => {
        mine.moreError = toApiError(error);
      })
      .finally(() => {
        mine.loading = false;
        draw();
      });
  };
  const retryMore = () => {
    held.current.moreError = undefined;
    loadMore();
  };
  useWhenBack(moreError, retryMore);
  return {
    events,
    waiting: waiting.length,
    head,
    openedAt,
    state,
    error,
    moreError,
    hasMore: hasOlder(held.current),
    loadMore,
    retryMore,
    reload: again,
  };
}

function nothing(): Held {
  return {
    events: [],
    waiting: [],
    cursor: undefined,
    head: undefined,
    openedAt: 0,
    state: 'connecting',
    error: undefined,
    moreError: undefined,
    loading: false,
  };
}

function hasOlder({ cursor, events }: Held): boolean {
  return cursor !== undefined && events.length < HELD_MAX;
}

/** Puts what waits on top of what is shown. */
function release(held: Held): void {
  if (held.waiting.length === 0) return;
  // Batches of several sessions arrive together: among themselves they are put in the order of time.
  held.waiting.sort((a, b) => b.ts - a.ts || b.id - a.id);
  held.events = [...held.waiting, ...held.events].slice(0, HELD_MAX);
  held.waiting = [];
}
