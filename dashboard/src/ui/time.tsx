/** Instants: short, in full on hover, and up to date with the clock. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ago, fullTime, isLongAgo, shortTime } from '../format/time.js';

const TICK_MS = 5_000;

/** One timer serves all components that follow the clock. */
const followers = new Set<(now: number) => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** The page's clock, Unix ms, renewed every five seconds. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    followers.add(setNow);
    timer ??= setInterval(() => {
      const now = Date.now();
      for (const follower of followers) follower(now);
    }, TICK_MS);
    return () => {
      followers.delete(setNow);
      if (followers.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return now;
}

/** `3 min ago` beside `14:03:27`, or the date alone. */
export function Moment({ ts }: { ts: number }) {
  const now = useNow();
  if (isLongAgo(ts, now)) return <At ts={ts} />;
  return (
    <Time ts={ts}>
      {ago(ts, now)} <span class="soft">{shortTime(ts, now)}</span>
    </Time>
  );
}

/** `3 min ago`. */
export function Ago({ ts }: { ts: number }) {
  return <Time ts={ts}>{ago(ts, useNow())}</Time>;
}

/** `14:03:27`, or the day if it is not today. */
export function At({ ts }: { ts: number }) {
  return <Time ts={ts}>{shortTime(ts, useNow())}</Time>;
}

function Time({ ts, children }: { ts: number; children: ComponentChildren }) {
  return (
    <time dateTime={new Date(ts).toISOString()} title={fullTime(ts)}>
      {children}
    </time>
  );
}
