/** The live feed while the page is visible. */
import { client, type Event, type LiveFilter } from './client.js';
import { connection } from './connection.js';

export interface StreamOptions {
  filter: LiveFilter;
  /** Begins after the event with this id. */
  after: number;
  onEvent: (event: Event) => void;
  /** Events in between are gone: list anew. */
  onReset: () => void;
  onState: (state: StreamState) => void;
}

export type StreamState = 'connecting' | 'open' | 'broken';

/** A refused feed is tried again, since its reader may have signed in. */
const REFUSED_RETRY_MS = 10_000;

/** Returns a function that stops it. */
export function followStream({ filter, after, onEvent, onReset, onState }: StreamOptions): () => void {
  let position = after;
  let state: StreamState | undefined;
  let running: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const enter = (next: StreamState) => {
    if (next !== state) onState(next);
    state = next;
  };
  const read = async (signal: AbortSignal) => {
    for await (const message of client.live(filter, { after: position, signal })) {
      if (message.kind === 'lost') {
        enter('broken');
        void connection.check();
        continue;
      }
      position = message.after;
      enter('open');
      if (message.kind === 'event') onEvent(message.event);
      if (message.kind === 'reset') onReset();
    }
  };
  const open = () => {
    close();
    running = new AbortController();
    const { signal } = running;
    enter('connecting');
    read(signal).catch(() => {
      if (signal.aborted) return;
      enter('broken');
      timer = setTimeout(open, REFUSED_RETRY_MS);
    });
  };
  const close = () => {
    clearTimeout(timer);
    running?.abort();
  };

  // A browser has six HTTP/1.1 connections per server for all its tabs: hidden tabs do without one.
  const isInSight = () => document.visibilityState === 'visible';
  const onVisibility = () => (isInSight() ? open() : close());
  document.addEventListener('visibilitychange', onVisibility);
  const stopWatching = connection.onChange(() => {
    if (!connection.isLost && state === 'broken' && isInSight()) open();
  });
  onVisibility();
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    stopWatching();
    close();
  };
}
