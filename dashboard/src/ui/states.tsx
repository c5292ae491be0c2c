/** What a view shows while it loads, when it is empty, and when a read failed. */
import type { ComponentChildren } from 'preact';
import { type ClientError, inWords } from '../api/client.js';
import type { Query } from '../api/use-query.js';
import { Button } from './button.js';

/** Grey bars where rows will be. */
export function Loading({ lines = 6 }: { lines?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class={`bone bone-${index % 4}`} />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="soft">{children}</div>}
    </div>
  );
}

/** An error where it happened, with a button to try again. */
export function Failure({ error, retry }: { error: ClientError; retry: () => void }) {
  return (
    <div class="failure" role="alert">
      <p class="failure-title">Couldn't load this</p>
      <p class="soft">{inWords(error)}</p>
      <Button onClick={retry}>Try again</Button>
    </div>
  );
}

interface LoadedProps<T> {
  query: Query<T>;
  /** Grey bars before the first answer. */
  lines?: number;
  children: (data: T) => ComponentChildren;
}

/** A read's data, or that it is loading, or why it failed. */
export function Loaded<T>({ query, lines, children }: LoadedProps<T>) {
  const { data, error, stale, reload } = query;
  if (data === undefined) {
    if (error !== undefined) return <Failure error={error} retry={reload} />;
    return <Loading lines={lines} />;
  }
  return (
    <div class={stale ? 'stale' : 'fresh'} aria-busy={stale}>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {children(data)}
    </div>
  );
}
