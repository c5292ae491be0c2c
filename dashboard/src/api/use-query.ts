/** Reads of the API as state: shared by path, shown from memory while they are read again, and read again when the collector is back. */
import { useEffect, useState } from 'preact/hooks';
import { type ApiError, getJson, toApiError } from './client.js';
import { connection } from './connection.js';

export interface Query<T> {
  /** What was read last for this path; with `keep`, for the path before while this one is read. */
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  /** True while `data` is that of the path before. */
  stale: boolean;
  reload(): void;
}

interface Options {
  /** Reads again this often while the page is visible. */
  everyMs?: number;
  /** Keeps showing the data of the path before until there is some for this one. */
  keep?: boolean;
}

interface Entry {
  data?: unknown;
  error?: ApiError;
  /** When `data` was read, by the page's clock. */
  readAt: number;
  running?: Promise<void>;
  readonly listeners: Set<() => void>;
}

/** What was read less than this long ago is not read again by merely being shown. */
const FRESH_MS = 3_000;
const ENTRIES_MAX = 200;

const entries = new Map<string, Entry>();

connection.onChange(() => {
  if (connection.isLost) return;
  for (const [path, entry] of entries)
    if (entry.error?.status === 0 && entry.listeners.size > 0) read(path, entry);
});

/** Reads a path and keeps it at hand; `undefined` reads nothing. */
export function useQuery<T>(path: string | undefined, { everyMs, keep = false }: Options = {}): Query<T> {
  const [, redraw] = useState(0);
  const [lastData, setLastData] = useState<T>();
  const entry = path === undefined ? undefined : entryOf(path);

  useEffect(() => {
    if (path === undefined) return;
    const current = entryOf(path);
    const listener = () => {
      if (current.data !== undefined) setLastData(() => current.data as T);
      redraw((count) => count + 1);
    };
    current.listeners.add(listener);
    if (current.data === undefined || performance.now() - current.readAt > FRESH_MS) read(path, current);
    else listener();
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => {
            if (document.visibilityState === 'visible' && !connection.isLost) read(path, current);
          }, everyMs);
    return () => {
      current.listeners.delete(listener);
      clearInterval(timer);
    };
  }, [path, everyMs]);

  const own = entry?.data as T | undefined;
  const stale = own === undefined && keep && lastData !== undefined && entry?.error === undefined;
  return {
    data: stale ? lastData : own,
    error: entry?.error,
    loading: entry !== undefined && own === undefined && entry.error === undefined,
    stale,
    reload: () => {
      if (path !== undefined && entry !== undefined) read(path, entry);
    },
  };
}

function entryOf(path: string): Entry {
  const found = entries.get(path);
  if (found !== undefined) return found;
  const entry: Entry = { readAt: 0, listeners: new Set() };
  entries.set(path, entry);
  if (entries.size > ENTRIES_MAX) forgetOldest();
  return entry;
}

function forgetOldest(): void {
  for (const [path, entry] of entries) {
    if (entry.listeners.size > 0 || entry.running !== undefined) continue;
    entries.delete(path);
    return;
  }
}

/** One read of a path at a time, whoever asks for it. */
function read(path: string, entry: Entry): void {
  entry.running ??= getJson(path)
    .then(
      (data) => {
        entry.data = data;
        entry.readAt = performance.now();
        delete entry.error;
      },
      (error: unknown) => {
        entry.error = toApiError(error);
      },
    )
    .finally(() => {
      delete entry.running;
      for (const listener of entry.listeners) listener();
    });
}
