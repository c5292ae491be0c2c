/** The events of a session in order, page by page. */
import { useEffect, useState } from 'preact/hooks';
import { type ClientError, client, type Event, noted } from '../../api/client.js';
import { useWhenBack } from '../../api/connection.js';

export interface SessionEvents {
  /** Ascending. */
  events: readonly Event[];
  loading: boolean;
  error: ClientError | undefined;
  /** Whether older events are left out. */
  cut: boolean;
  reload(): void;
}

const PAGE_EVENTS = 500;
/** A session of weeks is not loaded whole. */
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
      let count = 0;
      for await (const page of client.pages('events', { app, session, limit: PAGE_EVENTS }, stop)) {
        events = [...page.events.toReversed(), ...events];
        const isLast = page.next_cursor === undefined;
        const loading = !isLast && ++count < PAGES_MAX;
        setState({ events, loading, error: undefined, cut: !isLast && !loading });
        if (!loading) return;
      }
    };
    load().catch((error: unknown) => {
      if (stop.signal.aborted) return;
      setState((before) => ({ ...before, loading: false, error: noted(error) }));
    });
    return () => stop.abort();
  }, [app, session, attempt]);
  const reload = () => setAttempt((count) => count + 1);
  useWhenBack(state.error, reload);
  return { ...state, reload };
}
