/** Instants on the page: short to read, whole on hover, and moving along with the clock. */
import { useEffect, useState } from 'preact/hooks';
import { ago, fullTime, shortTime } from '../format/time.js';

const TICK_MS = 10_000;

/** The page's clock, Unix ms, renewed every ten seconds. */
export function useNow(everyMs = TICK_MS): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** `3 min ago` beside `14:03:27`. */
export function Moment({ ts }: { ts: number }) {
  const now = useNow();
  return (
    <time class="moment" dateTime={new Date(ts).toISOString()} title={fullTime(ts)}>
      {ago(ts, now)} <span class="soft">{shortTime(ts, now)}</span>
    </time>
  );
}

/** `3 min ago`; all of it on hover. */
export function Ago({ ts }: { ts: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(ts).toISOString()} title={fullTime(ts)}>
      {ago(ts, now)}
    </time>
  );
}

/** `14:03:27`, or the day where it is not today's. */
export function At({ ts }: { ts: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(ts).toISOString()} title={fullTime(ts)}>
      {shortTime(ts, now)}
    </time>
  );
}
