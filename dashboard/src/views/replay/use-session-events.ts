/** Every event of a session, in order, as its pages come in. */
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, apiPath, getJson, toApiError } from '../../api/client.js';
import { useWhenBack } from '../../api/connection.js';
import type { Event, EventsAnswer } from '../../api/types.js';

export interface SessionEvents {
  /** Ascending. */
  events: readonly Event[];
  loading: boolean;
  error: ApiError | undefined;
  /** There are more than are shown. */
  cut: boolean;
  reload(): void;
}

const PAGE_EVENTS = 500;
/** A session that goes on for weeks is not loaded whole. */
const PAGES_MAX = 20;

export function useSessionEvents(app: string, session: string): SessionEvents {
  const [attempt, setAttempt] = useState(0);
  const [state, setState] = useState<Omit<SessionEvents, 'reload'>>({
    events: [],
    loading: true,
    error: undefined,
    cut: false,
  });
  useEffect(() => {
    const stop = new AbortController();
    let events: Event[] = [];
    const load = async () => {
      let cursor: string | undefined;
      for (let page = 1; ; page++) {
        const path = apiPath('/v1/query/events', { app, session, limit: PAGE_EVENTS, cursor });
        const answer = await getJson<EventsAnswer>(path, stop.signal);
        events = [...answer.events.reverse(), ...events];
        cursor = answer.next_cursor;
        const loading = cursor !== undefined && page < PAGES_MAX;
        setState({ events, loading, error: undefined, cut: cursor !== undefined && !loading });
        if (!loading) return;
      }
    };
    load().catch((error: unknown) => {
      if (stop.signal.aborted) return;
      setState((before) => ({ ...before, loading: false, error: toApiError(error) }));
    });
    return () => stop.abort();
  }, [app, session, attempt]);
  const reload = () => setAttempt((count) => count + 1);
  useWhenBack(state.error, reload);
  return { ...state, reload };
}
