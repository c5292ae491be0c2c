/** Whether the collector answers: checked by every call, every 15 s, and more often while it does not. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { createClient } from '../../../client/src/index.js';

const PROBE_MS_MIN = 1_000;
const PROBE_MS_MAX = 8_000;
/** A page may make no calls for long. */
const LOOK_MS = 15_000;

const listeners = new Set<() => void>();
let isLost = false;
let timer: ReturnType<typeof setTimeout> | undefined;
const probe = createClient();

export const connection = {
  get isLost(): boolean {
    return isLost;
  },
  /** Nothing answered: probes the collector until it answers. */
  lost(): void {
    if (isLost) return;
    isLost = true;
    tell();
    probeIn(PROBE_MS_MIN);
  },
  async check(): Promise<void> {
    if (!isLost && !(await answers())) connection.lost();
  },
  found(): void {
    if (!isLost) return;
    isLost = false;
    clearTimeout(timer);
    tell();
  },
  /** Returns a function that stops it. */
  onChange(listener: () => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};

export function useIsLost(): boolean {
  const [lost, setLost] = useState(isLost);
  useEffect(() => {
    setLost(isLost);
    return connection.onChange(() => setLost(isLost));
  }, []);
  return lost;
}

/** Calls `again` when the collector answers again, where the error is that it did not. */
export function useWhenBack(error: { status: number } | undefined, again: () => void): void {
  const newest = useRef(again);
  newest.current = again;
  const isWaiting = error?.status === 0;
  useEffect(() => {
    if (!isWaiting) return;
    // Another read may have found the collector before this effect ran.
    if (!isLost) newest.current();
    return connection.onChange(() => !isLost && newest.current());
  }, [isWaiting]);
}

function tell(): void {
  for (const listener of listeners) listener();
}

function probeIn(delayMs: number): void {
  timer = setTimeout(async () => {
    if (await answers()) connection.found();
    else if (isLost) probeIn(Math.min(delayMs * 2, PROBE_MS_MAX));
  }, delayMs);
}

const answers = (): Promise<boolean> =>
  probe.health().then(
    () => true,
    () => false,
  );

addEventListener('online', () => {
  if (!isLost) return;
  clearTimeout(timer);
  probeIn(0);
});

setInterval(() => {
  if (document.visibilityState === 'visible') void connection.check();
}, LOOK_MS);
