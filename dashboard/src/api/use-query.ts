/** Answers of the API as state: shared by all who ask the same, shown from memory while they are read again, and read again when the collector is back. */
import { useEffect, useState } from 'preact/hooks';
import { type Answers, type AppsAnswer, type Asks, type ClientError, client, noted } from './client.js';
import { connection } from './connection.js';

export interface Query<T> {
  /** What was answered last; with `keep`, to what was asked before while this is read. */
  data: T | undefined;
  error: ClientError | undefined;
  loading: boolean;
  /** True while `data` answers what was asked before. */
  stale: boolean;
  reload(): void;
}

interface Options {
  /** Reads again this often while the page is visible. */
  everyMs?: number;
  /** Keeps showing the answer before until there is one to what is asked now. */
  keep?: boolean;
}

/** An answer that is kept at hand. */
interface Entry<T> {
  data?: T;
  error?: ClientError;
  /** When `data` was read, by the page's clock. */
  readAt: number;
  isReading: boolean;
  readonly listeners: Set<() => void>;
  /** One read at a time, whoever asks for it. */
  read(): void;
}

/** What was read less than this long ago is not read again by merely being shown. */
const FRESH_MS = 3_000;
/** Kept of each question. */
const ENTRIES_MAX = 100;

const caches: { [K in keyof Asks]?: Map<string, Entry<Answers[K]>> } = {};
const apps = createEntry(() => client.apps());

connection.onChange(() => {
  if (connection.isLost) return;
  for (const entry of [apps, ...Object.values(caches).flatMap((cache) => [...cache.values()])])
    if (entry.error?.status === 0 && entry.listeners.size > 0) entry.read();
});

/** The answer to a question; without anything to ask, nothing is read. */
export function useQuery<K extends keyof Asks>(
  question: K,
  ask: Asks[K] | undefined,
  options: Options = {},
): Query<Answers[K]> {
  return useEntry(ask === undefined ? undefined : entryOf(question, ask), options);
}

/** The configured apps that the reader may see. */
export const useApps = (): Query<AppsAnswer> => useEntry(apps, {});

/** True where several apps are configured, and until that is known: where there is only one, nobody needs to be told which. */
export function useManyApps(): boolean {
  const { data } = useApps();
  return data === undefined || data.apps.length > 1;
}

function useEntry<T>(entry: Entry<T> | undefined, { everyMs, keep = false }: Options): Query<T> {
  const [, redraw] = useState(0);
  const [lastData, setLastData] = useState<T>();

  useEffect(() => {
    if (entry === undefined) return;
    const listener = () => {
      if (entry.data !== undefined) setLastData(() => entry.data);
      redraw((count) => count + 1);
    };
    entry.listeners.add(listener);
    if (entry.data === undefined || performance.now() - entry.readAt > FRESH_MS) entry.read();
    else listener();
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => {
            if (document.visibilityState === 'visible' && !connection.isLost) entry.read();
          }, everyMs);
    return () => {
      entry.listeners.delete(listener);
      clearInterval(timer);
    };
  }, [entry, everyMs]);

  const own = entry?.data;
  const stale = own === undefined && keep && lastData !== undefined && entry?.error === undefined;
  return {
    data: stale ? lastData : own,
    error: entry?.error,
    loading: entry !== undefined && own === undefined && entry.error === undefined,
    stale,
    reload: () => entry?.read(),
  };
}

function cacheOf<K extends keyof Asks>(question: K): Map<string, Entry<Answers[K]>> {
  const cache = caches[question] ?? new Map();
  caches[question] = cache;
  return cache;
}

function entryOf<K extends keyof Asks>(question: K, ask: Asks[K]): Entry<Answers[K]> {
  const cache = cacheOf(question);
  const key = JSON.stringify(ask);
  const found = cache.get(key);
  if (found !== undefined) return found;
  const entry = createEntry(() => client.ask(question, ask));
  cache.set(key, entry);
  if (cache.size > ENTRIES_MAX) {
    const unused = [...cache].find(([, { listeners, isReading }]) => listeners.size === 0 && !isReading);
    if (unused !== undefined) cache.delete(unused[0]);
  }
  return entry;
}

function createEntry<T>(ask: () => Promise<T>): Entry<T> {
  const entry: Entry<T> = {
    readAt: 0,
    isReading: false,
    listeners: new Set(),
    read() {
      if (entry.isReading) return;
      entry.isReading = true;
      ask()
        .then(
          (data) => {
            entry.data = data;
            entry.readAt = performance.now();
            delete entry.error;
          },
          (error: unknown) => {
            entry.error = noted(error);
          },
        )
        .finally(() => {
          entry.isReading = false;
          for (const listener of entry.listeners) listener();
        });
    },
  };
  return entry;
}
