/** Follows events as they are stored: takes a broken stream up where it was, and rests while nobody looks at the page. */
import { apiPath } from './client.js';
import { connection } from './connection.js';
import type { Event, EventType } from './types.js';

export interface EventFilter {
  user?: string;
  type?: EventType | '';
  app?: string;
  session?: string;
}

export interface StreamOptions {
  filter: EventFilter;
  /** Begins after the event with this id. */
  after: number;
  onEvent: (event: Event) => void;
  /** Events in between are gone: what is shown has to be listed anew. */
  onReset: () => void;
  onState: (state: StreamState) => void;
}

export type StreamState = 'connecting' | 'open' | 'broken';

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;

/** Returns the way to stop. */
export function followStream({ filter, after, onEvent, onReset, onState }: StreamOptions): () => void {
  let position = after;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = RETRY_MS_MIN;

  const open = () => {
    close();
    onState('connecting');
    source = new EventSource(apiPath('/v1/stream', { ...filter, after: position }));
    source.onopen = () => {
      retryMs = RETRY_MS_MIN;
      connection.found();
      onState('open');
    };
    source.onmessage = ({ data }) => {
      const event = JSON.parse(data) as Event;
      position = event.id;
      onEvent(event);
    };
    source.addEventListener('reset', ({ data }) => {
      position = (JSON.parse(data) as { head: number }).head;
      onReset();
    });
    // The browser's own second try is as late as it likes, and there is none after an answer that is no stream.
    source.onerror = () => {
      close();
      onState('broken');
      void connection.check();
      timer = setTimeout(open, retryMs);
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
    };
  };

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };

  // A browser has six connections to a server over HTTP/1.1 for all of its tabs: those out of sight do without.
  const onVisibility = () => (document.visibilityState === 'visible' ? open() : close());
  document.addEventListener('visibilitychange', onVisibility);
  const stopWatching = connection.onChange(() => {
    if (!connection.isLost && source === undefined && document.visibilityState === 'visible') open();
  });
  onVisibility();
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    stopWatching();
    close();
  };
}
