/** What a view shows when it has nothing to show yet, nothing at all, or bad news. */
import type { ComponentChildren } from 'preact';
import { type ClientError, inWords } from '../api/client.js';
import type { Query } from '../api/use-query.js';

/** Grey bars where rows are about to be; `lines` of them. */
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

/** An error in words, where it happened, with the way to try again. */
export function Failure({ error, retry }: { error: ClientError; retry: () => void }) {
  return (
    <div class="failure" role="alert">
      <p class="failure-title">Couldn't load this</p>
      <p class="soft">{inWords(error)}</p>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

interface LoadedProps<T> {
  query: Query<T>;
  /** What to show while there is nothing to show. */
  loading?: ComponentChildren;
  children: (data: T) => ComponentChildren;
}

/** A read's data once it is there, and until then, or instead, what became of it. */
export function Loaded<T>({ query, loading, children }: LoadedProps<T>) {
  const { data, error, stale, reload } = query;
  if (data === undefined) {
    if (error !== undefined) return <Failure error={error} retry={reload} />;
    return <>{loading ?? <Loading />}</>;
  }
  return (
    <div class={stale ? 'stale' : 'fresh'} aria-busy={stale}>
      {error !== undefined && <Failure error={error} retry={reload} />}
      {children(data)}
    </div>
  );
}
