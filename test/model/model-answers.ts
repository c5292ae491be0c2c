/** What the contract has a store answer, at its most naive: full scans and sorts, so that the answers are right by reading. */
import { createHash } from 'node:crypto';
import { frameOf } from '../../src/domain/error-grouping.js';
import type { EventType, StoredEvent } from '../../src/domain/event.js';
import { INCIDENT_AFTER_MS, INCIDENT_BEFORE_MS } from '../../src/domain/limits.js';
import type { ActivityDay } from '../../src/questions/activity.js';
import type { EventPosition } from '../../src/questions/cursor.js';
import type { ErrorGroupRow } from '../../src/questions/errors.js';
import type { EventsPage } from '../../src/questions/event-json.js';
import type { Incident, Neighbours } from '../../src/questions/incident.js';
import type { Ask, Found, SyncAnswers } from '../../src/questions/index.js';
import type { ChunkRow } from '../../src/questions/replay.js';
import type { SessionRow } from '../../src/questions/sessions.js';
import type { CountedDay, CountedName } from '../../src/questions/shapes.js';
import type { UserRow } from '../../src/questions/users.js';
import type { NewChunk, TimeRange } from '../../src/store/port.js';

/** Everything a store holds. */
export interface Holdings {
  /** In order of arrival. */
  events: readonly StoredEvent[];
  chunks: readonly NewChunk[];
  /** The newest id there ever was. */
  head: number;
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

/** Without a list, every app is meant. */
const isAmong = (apps: readonly string[] | undefined, app: string): boolean =>
  apps === undefined || apps.includes(app);

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

interface Wanted extends TimeRange {
  apps?: readonly string[];
  user?: string;
  session?: string;
  type?: EventType;
  /** Only events before this place. */
  cursor?: EventPosition;
}

/** The events that are wanted, newest first. */
function matchEvents(events: readonly StoredEvent[], wanted: Wanted): StoredEvent[] {
  const { cursor } = wanted;
  return events
    .filter((event) => isAmong(wanted.apps, event.app))
    .filter((event) => fits(wanted.user, event.user_id))
    .filter((event) => fits(wanted.session, event.session_id))
    .filter((event) => fits(wanted.type, event.type))
    .filter((event) => within(wanted, event.ts))
    .filter((event) => cursor === undefined || compareEvents(event, cursor) < 0)
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

function listUsers(events: readonly StoredEvent[], { apps, user }: Ask<'users'>): UserRow[] {
  const asked = events.filter((event) => isAmong(apps, event.app) && fits(user, event.user_id));
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
  { apps, user }: Ask<'sessions'>,
): SessionRow[] {
  const asked = events.filter((event) => isAmong(apps, event.app));
  const groups = groupBy(asked, (event) => JSON.stringify([event.session_id, event.app]));
  return [...groups.entries()]
    .filter(([, group]) => group.some((event) => fits(user, event.user_id)))
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

function walkFunnel(events: readonly StoredEvent[], query: Ask<'funnel'>): CountedName[] {
  const asked = matchEvents(events, query).reverse();
  const users = groupBy(asked, (event) => event.user_id);
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

function aggregate(events: readonly StoredEvent[], query: Ask<'aggregates'>): Found<'aggregates'> {
  const asked = matchEvents(events, query);
  const ofType = (type: string): StoredEvent[] => asked.filter((event) => event.type === type);
  return {
    dau: byDay(asked, (day) => new Set(day.map((event) => event.user_id)).size),
    top_events: topNames(ofType('event'), query.limit),
    top_pages: topNames(ofType('pageview'), query.limit),
    errors_by_day: byDay(ofType('error'), (day) => day.length),
  };
}

function listNames(events: readonly StoredEvent[], query: Ask<'names'>): CountedName[] {
  const asked = matchEvents(events, query).filter((event) => event.name.startsWith(query.prefix ?? ''));
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

function listErrorGroups(events: readonly StoredEvent[], query: Ask<'errors'>): ErrorGroupRow[] {
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
  const akin = matchEvents(events, { apps: [app], type })
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

function activityOf(events: readonly StoredEvent[], query: Ask<'activity'>): ActivityDay[] {
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

/** A session's chunks, ascending by `seq`. */
const chunkRows = (chunks: readonly NewChunk[], app: string, session: string): ChunkRow[] =>
  chunks
    .filter((chunk) => chunk.app === app && chunk.session === session)
    .sort((a, b) => a.seq - b.seq)
    .map(({ seq, ts, bytes, receivedAt }) => ({
      seq,
      ...(ts === undefined ? {} : { ts }),
      size_bytes: bytes.byteLength,
      received_at: receivedAt,
    }));

/** The chunks that cover part of a window; one covers from its `ts` to the least greater `ts` of a later `seq`. */
function overlapping(chunks: readonly ChunkRow[], from: number, to: number): ChunkRow[] {
  return chunks.filter(({ seq, ts }) => {
    if (ts === undefined) return true;
    const later = chunks.filter((other) => other.seq > seq).map((other) => other.ts ?? 0);
    const end = Math.min(...later.filter((other) => other > ts));
    return ts <= to && end > from;
  });
}

function incidentOf({ events, chunks }: Holdings, event: StoredEvent): Incident {
  if (event.type !== 'error' && event.type !== 'bug_report') return { event };
  const { app, session_id: session, ts } = event;
  const [from, to] = [ts - INCIDENT_BEFORE_MS, ts + INCIDENT_AFTER_MS];
  return {
    event,
    around: {
      breadcrumbs: matchEvents(events, { apps: [app], session, from, to }).reverse(),
      cue: overlapping(chunkRows(chunks, app, session), from, to),
      neighbours: neighboursOf(events, event),
    },
  };
}

/** The apps in which a session has an event or a chunk, by name. */
export function appsOfSession({ events, chunks }: Omit<Holdings, 'head'>, session: string): string[] {
  const apps = [
    ...events.filter((event) => event.session_id === session).map((event) => event.app),
    ...chunks.filter((chunk) => chunk.session === session).map((chunk) => chunk.app),
  ];
  return [...new Set(apps)].sort(compareText);
}

function manifestOf(holdings: Holdings, { id, apps }: Ask<'replay'>): Found<'replay'> {
  const having = appsOfSession(holdings, id).filter((app) => isAmong(apps, app));
  // An app that was named alone is taken at its word.
  const found = apps?.length === 1 ? apps : having;
  const [app = ''] = found;
  return { session: id, apps: found, chunks: found.length === 1 ? chunkRows(holdings.chunks, app, id) : [] };
}

/** The answers of a store that holds this. */
export function answersFrom(holdings: Holdings): SyncAnswers {
  const { events, chunks, head } = holdings;
  const find = (id: number, apps: readonly string[] | undefined): StoredEvent | undefined =>
    events.find((event) => event.id === id && isAmong(apps, event.app));
  return {
    events: (ask) => pageOf(matchEvents(events, ask), ask.limit, head),
    event: ({ id, apps }) => find(id, apps),
    users: (ask) => ({ users: listUsers(events, ask).slice(0, ask.limit) }),
    sessions: (ask) => ({ sessions: listSessions(events, chunks, ask).slice(0, ask.limit) }),
    funnel: (ask) => ({ steps: walkFunnel(events, ask) }),
    aggregates: (ask) => aggregate(events, ask),
    names: (ask) => ({ names: listNames(events, ask) }),
    activity: (ask) => ({ days: activityOf(events, ask) }),
    errors: (ask) => ({ groups: listErrorGroups(events, ask) }),
    occurrences({ group, ...ask }) {
      const matching = matchEvents(events, { ...ask, type: 'error' });
      return pageOf(
        matching.filter((event) => groupOf(event) === group),
        ask.limit,
        head,
      );
    },
    incident({ event_id, apps }) {
      const event = find(event_id, apps);
      return event && incidentOf(holdings, event);
    },
    replay: (ask) => manifestOf(holdings, ask),
  };
}
