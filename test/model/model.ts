/** The contract at its most naive: arrays, full scans and sorts, so that the answers are right by reading. */
import { createHash } from 'node:crypto';
import { frameOf } from '../../src/domain/error-grouping.js';
import type { EventBatch, StoredEvent } from '../../src/domain/event.js';
import { SEEN_MS } from '../../src/domain/limits.js';
import type {
  ActivityDay,
  Aggregates,
  AppendResult,
  CountedDay,
  CountedName,
  ErrorGroupRow,
  EventPosition,
  EventsPage,
  EventsQuery,
  Neighbours,
  NewChunk,
  Query,
  SessionRow,
  Store,
  TimeRange,
  UserRow,
} from '../../src/store/port.js';

/** The model is a `Store` that also knows what to forget when its data folder is opened again. */
export interface Model extends Store {
  /** Sets the counters that run "since start" back to zero; everything else is durable. */
  restart(): void;
}

interface Seen {
  app: string;
  batchId: string;
  at: number;
}

interface HeldChunk extends NewChunk {
  version: number;
}

/** Order of text by its UTF-8 bytes, which JavaScript's own order of UTF-16 units is not. */
export const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export const compareEvents = (a: EventPosition, b: EventPosition): number => a.ts - b.ts || a.id - b.id;

/** The UTC day of a time; years past 9999 carry ISO 8601's sign and six digits. */
export const dayOf = (ts: number): string => new Date(ts).toISOString().replace(/T.*$/, '');

const within = (range: TimeRange, ts: number): boolean =>
  ts >= (range.from ?? 0) && ts <= (range.to ?? Number.POSITIVE_INFINITY);

/** `wanted` undefined asks for nothing in particular. */
const fits = <T>(wanted: T | undefined, value: T): boolean => wanted === undefined || wanted === value;

/** Items under the same key, keys in the order they were first met. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key) ?? [];
    group.push(item);
    groups.set(key, group);
  }
  return groups;
}

const least = (events: readonly StoredEvent[]): number => Math.min(...events.map((event) => event.ts));
const greatest = (events: readonly StoredEvent[]): number => Math.max(...events.map((event) => event.ts));

/** The greatest by `(ts, id)`; of none, undefined. */
const newest = (events: readonly StoredEvent[]): StoredEvent | undefined =>
  [...events].sort(compareEvents).at(-1);

function matchEvents(events: readonly StoredEvent[], query: Omit<EventsQuery, 'limit'>): StoredEvent[] {
  const { before } = query;
  return events
    .filter((event) => fits(query.app, event.app))
    .filter((event) => fits(query.user, event.user_id))
    .filter((event) => fits(query.session, event.session_id))
    .filter((event) => fits(query.type, event.type))
    .filter((event) => within(query, event.ts))
    .filter((event) => before === undefined || compareEvents(event, before) < 0)
    .sort((a, b) => compareEvents(b, a));
}

function userRow(events: readonly StoredEvent[], user_id: string, app: string): UserRow {
  const name = newest(events.filter((event) => event.user?.name !== undefined))?.user?.name;
  const email = newest(events.filter((event) => event.user?.email !== undefined))?.user?.email;
  return {
    user_id,
    app,
    first_seen: least(events),
    last_seen: greatest(events),
    session_count: new Set(events.map((event) => event.session_id)).size,
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
  };
}

function listUsers(events: readonly StoredEvent[], query: { app?: string; user?: string }): UserRow[] {
  const asked = events.filter((event) => fits(query.app, event.app) && fits(query.user, event.user_id));
  const groups = groupBy(asked, (event) => JSON.stringify([event.user_id, event.app]));
  return [...groups.entries()]
    .map(([key, group]) => {
      const [user_id, userApp] = JSON.parse(key) as [string, string];
      return userRow(group, user_id, userApp);
    })
    .sort(
      (a, b) => b.last_seen - a.last_seen || compareText(a.user_id, b.user_id) || compareText(a.app, b.app),
    );
}

function listSessions(
  events: readonly StoredEvent[],
  chunks: readonly NewChunk[],
  query: { app?: string; user?: string },
): SessionRow[] {
  const asked = events.filter((event) => fits(query.app, event.app));
  const groups = groupBy(asked, (event) => JSON.stringify([event.session_id, event.app]));
  return [...groups.entries()]
    .filter(([, group]) => group.some((event) => fits(query.user, event.user_id)))
    .map(([key, group]) => {
      const [session_id, app] = JSON.parse(key) as [string, string];
      return {
        session_id,
        app,
        user_id: newest(group)?.user_id ?? '',
        started_at: least(group),
        last_seen: greatest(group),
        event_count: group.length,
        error_count: group.filter((event) => event.type === 'error').length,
        chunk_count: chunks.filter((chunk) => chunk.app === app && chunk.session === session_id).length,
      };
    })
    .sort(
      (a, b) =>
        b.last_seen - a.last_seen || compareText(a.app, b.app) || compareText(a.session_id, b.session_id),
    );
}

/** How many of the steps one user's events, ascending, take one after the other. */
function stepsReached(events: readonly StoredEvent[], steps: readonly string[]): number {
  let reached = 0;
  for (const event of events) {
    if (reached < steps.length && event.name === steps[reached]) reached++;
  }
  return reached;
}

function walkFunnel(
  events: readonly StoredEvent[],
  query: TimeRange & { steps: readonly string[]; app?: string },
): CountedName[] {
  const asked = events.filter((event) => fits(query.app, event.app) && within(query, event.ts));
  const users = groupBy(asked.sort(compareEvents), (event) => event.user_id);
  const reached = [...users.values()].map((group) => stepsReached(group, query.steps));
  return query.steps.map((name, step) => ({ name, count: reached.filter((count) => count > step).length }));
}

function topNames(events: readonly StoredEvent[], limit: number): CountedName[] {
  return [...groupBy(events, (event) => event.name).entries()]
    .map(([name, group]) => ({ name, count: group.length }))
    .sort((a, b) => b.count - a.count || compareText(a.name, b.name))
    .slice(0, limit);
}

/** One row a day that has events, ascending; `count` says what is counted of a day's events. */
function byDay(events: readonly StoredEvent[], count: (day: StoredEvent[]) => number): CountedDay[] {
  const ascending = [...events].sort(compareEvents);
  return [...groupBy(ascending, (event) => dayOf(event.ts)).entries()].map(([day, group]) => ({
    day,
    count: count(group),
  }));
}

function aggregate(
  events: readonly StoredEvent[],
  query: TimeRange & { app?: string; limit: number },
): Aggregates {
  const asked = events.filter((event) => fits(query.app, event.app) && within(query, event.ts));
  const ofType = (type: string): StoredEvent[] => asked.filter((event) => event.type === type);
  return {
    dau: byDay(asked, (day) => new Set(day.map((event) => event.user_id)).size),
    top_events: topNames(ofType('event'), query.limit),
    top_pages: topNames(ofType('pageview'), query.limit),
    errors_by_day: byDay(ofType('error'), (day) => day.length),
  };
}

function listNames(events: readonly StoredEvent[], query: Query<'names'>): CountedName[] {
  const asked = events
    .filter((event) => fits(query.app, event.app) && fits(query.type, event.type))
    .filter((event) => event.name.startsWith(query.prefix ?? ''));
  return topNames(asked, query.limit);
}

/** A group's id comes from what its errors share, so that every store that has them gives the same. */
function groupOf({ app, name, props }: StoredEvent): string {
  const shared = `${name.length}:${name}${frameOf(props)}`;
  return `${app}.${createHash('sha256').update(shared).digest('hex').slice(0, 24)}`;
}

function errorGroup(group: string, events: readonly StoredEvent[]): ErrorGroupRow {
  const { app = '', name = '', props } = newest(events) ?? {};
  const frame = frameOf(props);
  return {
    group,
    app,
    name,
    ...(frame === '' ? {} : { frame }),
    count: events.length,
    user_count: new Set(events.map((event) => event.user_id)).size,
    first_seen: least(events),
    last_seen: greatest(events),
    last_event_id: newest(events)?.id ?? 0,
    by_day: byDay(events, (day) => day.length),
  };
}

function listErrorGroups(events: readonly StoredEvent[], query: Query<'errorGroups'>): ErrorGroupRow[] {
  const asked = matchEvents(events, { ...query, type: 'error' }).filter((event) =>
    fits(query.group, groupOf(event)),
  );
  return [...groupBy(asked, groupOf).entries()]
    .map(([group, events]) => errorGroup(group, events))
    .sort((a, b) => b.count - a.count || b.last_seen - a.last_seen || b.last_event_id - a.last_event_id)
    .slice(0, query.limit);
}

/** The incidents that belong with this one: its group's, or its app's of the same type. */
function neighboursOf(events: readonly StoredEvent[], event: StoredEvent): Neighbours {
  const { app, type } = event;
  const group = type === 'error' ? groupOf(event) : undefined;
  const akin = matchEvents(events, { app, type })
    .filter((other) => group === undefined || groupOf(other) === group)
    .reverse();
  const place = akin.findIndex((other) => other.id === event.id);
  const [previous, next] = [akin[place - 1]?.id, akin[place + 1]?.id];
  return {
    ...(group === undefined ? {} : { group }),
    ...(previous === undefined ? {} : { previous }),
    ...(next === undefined ? {} : { next }),
  };
}

function activityOf(events: readonly StoredEvent[], query: Query<'activity'>): ActivityDay[] {
  const asked = matchEvents(events, query).reverse();
  return [...groupBy(asked, (event) => dayOf(event.ts)).entries()].map(([day, group]) => ({
    day,
    event_count: group.length,
    error_count: group.filter((event) => event.type === 'error').length,
    session_count: new Set(group.map((event) => JSON.stringify([event.app, event.session_id]))).size,
  }));
}

/** One page of what matches, which is newest first. */
function pageOf(matching: readonly StoredEvent[], limit: number, head: number): EventsPage {
  const page = matching.slice(0, limit);
  const last = page.at(-1);
  const more = matching.length > page.length && last !== undefined;
  return { events: page, ...(more ? { next: { ts: last.ts, id: last.id } } : {}), head };
}

const sameChunk = (a: NewChunk, app: string, session: string, seq: number): boolean =>
  a.app === app && a.session === session && a.seq === seq;

/** A store that keeps everything in arrays and answers by looking at all of it. */
export function createModel(): Model {
  let head = 0;
  let fence = 0;
  let events: StoredEvent[] = [];
  let chunks: HeldChunk[] = [];
  let versions = 0;
  const seen: Seen[] = [];
  const counters = { late_events: 0, deduplicated_batches: 0, committed_events: 0 };
  const listeners = new Set<(head: number) => void>();

  function isDuplicate({ app, batchId, receivedAt }: EventBatch): boolean {
    return seen.some((one) => one.app === app && one.batchId === batchId && receivedAt - one.at <= SEEN_MS);
  }

  /** Why an import cannot be taken: its ids are its own, so none may be taken already, and none left out. */
  function importRefusal({ firstId, events: imported }: EventBatch): string | undefined {
    if (firstId === undefined) return undefined;
    if (firstId <= head) return `id ${firstId} was given already`;
    return imported.some((event) => event.ts < fence) ? 'an event lies below the fence' : undefined;
  }

  function appendBatch(batch: EventBatch): AppendResult {
    if (batch.batchId !== undefined && isDuplicate(batch)) {
      counters.deduplicated_batches++;
      return 'duplicate';
    }
    const refusal = importRefusal(batch);
    if (refusal !== undefined) throw new RangeError(refusal);
    if (batch.batchId !== undefined) {
      seen.push({ app: batch.app, batchId: batch.batchId, at: batch.receivedAt });
    }
    if (batch.firstId !== undefined) head = batch.firstId - 1;
    const kept = batch.events.filter((event) => event.ts >= fence);
    counters.late_events += batch.events.length - kept.length;
    counters.committed_events += kept.length;
    for (const event of kept) {
      head++;
      events.push({ ...event, id: head, app: batch.app });
    }
    return 'stored';
  }

  const chunksOf = (app: string, session: string): HeldChunk[] =>
    chunks.filter((chunk) => chunk.app === app && chunk.session === session).sort((a, b) => a.seq - b.seq);

  return {
    async append(batches) {
      const results: PromiseSettledResult<AppendResult>[] = [];
      for (const batch of batches) {
        try {
          results.push({ status: 'fulfilled', value: appendBatch(batch) });
        } catch (reason) {
          results.push({ status: 'rejected', reason });
        }
      }
      for (const listener of listeners) listener(head);
      return results;
    },
    async events(query) {
      return pageOf(matchEvents(events, query), query.limit, head);
    },
    async event(id) {
      return events.find((event) => event.id === id);
    },
    async sessionWindow(app, session, range) {
      return matchEvents(events, { app, session, ...range }).reverse();
    },
    async tail(after, limit) {
      const later = events.filter((event) => event.id > after);
      const page = later.slice(0, limit);
      const following = events.some((event) => event.id === after + 1);
      const last = page.at(-1);
      return {
        events: page,
        head,
        next: later.length > page.length && last !== undefined ? last.id : head,
        gap: after > head || (after < head && !following),
      };
    },
    async users(query) {
      return listUsers(events, query).slice(0, query.limit);
    },
    async sessions(query) {
      return listSessions(events, chunks, query).slice(0, query.limit);
    },
    async funnel(query) {
      return walkFunnel(events, query);
    },
    async aggregates(query) {
      return aggregate(events, query);
    },
    async names(query) {
      return listNames(events, query);
    },
    async errorGroups(query) {
      return listErrorGroups(events, query);
    },
    async occurrences({ group, limit, ...query }) {
      const matching = matchEvents(events, { ...query, type: 'error' });
      return pageOf(
        matching.filter((event) => groupOf(event) === group),
        limit,
        head,
      );
    },
    async neighbours(id) {
      const event = events.find((event) => event.id === id);
      return event && neighboursOf(events, event);
    },
    async activity(query) {
      return activityOf(events, query);
    },
    async putChunk(chunk) {
      versions++;
      chunks = chunks.filter((held) => !sameChunk(held, chunk.app, chunk.session, chunk.seq));
      chunks.push({ ...chunk, version: versions });
    },
    async sessionApps(session) {
      const apps = [
        ...events.filter((event) => event.session_id === session).map((event) => event.app),
        ...chunks.filter((chunk) => chunk.session === session).map((chunk) => chunk.app),
      ];
      return [...new Set(apps)].sort(compareText);
    },
    async chunks(app, session) {
      return chunksOf(app, session).map((chunk) => ({
        seq: chunk.seq,
        ...(chunk.ts === undefined ? {} : { ts: chunk.ts }),
        size_bytes: chunk.bytes.byteLength,
        received_at: chunk.receivedAt,
      }));
    },
    async chunk(app, session, seq) {
      const held = chunks.find((one) => sameChunk(one, app, session, seq));
      if (held === undefined) return undefined;
      const digest = createHash('sha256').update(held.bytes).digest('hex');
      return { bytes: held.bytes, etag: `${held.version}-${digest}` };
    },
    async sweep(cutoffs) {
      fence = Math.max(fence, cutoffs.eventsBefore ?? 0);
      const before = { events: events.length, chunks: chunks.length };
      events = events.filter((event) => event.ts >= fence);
      chunks = chunks.filter((chunk) => chunk.receivedAt >= (cutoffs.replaysBefore ?? 0));
      return { events: before.events - events.length, chunks: before.chunks - chunks.length };
    },
    async stats() {
      return {
        head,
        file_bytes: 0,
        ...counters,
        commits: 0,
        committed_batches: 0,
        queue_requests: 0,
        queue_bytes: 0,
        commit_seconds: 0,
      };
    },
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    failed: new Promise(() => {}),
    async close() {},
    restart() {
      counters.late_events = 0;
      counters.deduplicated_batches = 0;
      counters.committed_events = 0;
    },
  };
}
