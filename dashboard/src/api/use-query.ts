/** Answers of the API as state, shared between components and kept while they are read again. */
import { useEffect, useState } from 'preact/hooks';
import { type Answers, type AppsAnswer, type Asks, type ClientError, client, noted } from './client.js';
import { connection, useWhenBack } from './connection.js';

export interface Query<T> {
  /** The last answer; with `keep`, the one to the question before while this is read. */
  data: T | undefined;
  error: ClientError | undefined;
  /** True while `data` answers the question before. */
  stale: boolean;
  reload(): void;
}

interface Options {
  /** Reads again every 15 s while the page is visible. */
  refresh?: boolean;
  /** Keeps showing the answer to the question before until this one has an answer. */
  keep?: boolean;
}

/** A cached answer. */
interface Entry<T> {
  data?: T;
  error?: ClientError;
  /** Of `data`, by `performance.now()`. */
  readAt: number;
  isReading: boolean;
  readonly listeners: Set<() => void>;
  /** Does nothing while a read is under way. */
  read(): void;
}

const REFRESH_MS = 15_000;
/** A component that appears does not read again what is newer than this. */
const FRESH_MS = 3_000;
/** Of each question. */
const ENTRIES_MAX = 100;

const caches: { [K in keyof Asks]?: Map<string, Entry<Answers[K]>> } = {};
const apps = createEntry(() => client.apps());

/** The answer to a question; reads nothing where `ask` is undefined. */
export function useQuery<K extends keyof Asks>(
  question: K,
  ask: Asks[K] | undefined,
  options: Options = {},
): Query<Answers[K]> {
  return useEntry(ask === undefined ? undefined : entryOf(question, ask), options);
}

/** The configured apps that the reader may see. */
export const useApps = (): Query<AppsAnswer> => useEntry(apps, {});

/** Whether several apps are configured; true until that is known. */
export function useManyApps(): boolean {
  const { data } = useApps();
  return data === undefined || data.apps.length > 1;
}

function useEntry<T>(entry: Entry<T> | undefined, { refresh = false, keep = false }: Options): Query<T> {
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
    const readWhenVisible = () => {
      if (document.visibilityState === 'visible' && !connection.isLost) entry.read();
    };
    const timer = refresh ? setInterval(readWhenVisible, REFRESH_MS) : undefined;
    return () => {
      entry.listeners.delete(listener);
      clearInterval(timer);
    };
  }, [entry, refresh]);
  useWhenBack(entry?.error, () => entry?.read());

  const own = entry?.data;
  const stale = own === undefined && keep && lastData !== undefined && entry?.error === undefined;
  return {
    data: stale ? lastData : own,
    error: entry?.error,
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
