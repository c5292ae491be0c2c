/** Every query of the port, answered synchronously from one snapshot of the embedded engine. */
import { performance } from 'node:perf_hooks';
import { EVENT_TYPES, type StoredEvent, textOf, typeCode } from '../../domain/event.js';
import { MAX_TS, READ_MS_MAX, TAIL_TEXT_MAX } from '../../domain/limits.js';
import type { Log } from '../../log/batches/log.js';
import type { Env } from '../../log/file/env.js';
import { dayName, dayOf, openDays } from '../../projections/days.js';
import { openErrors } from '../../projections/errors.js';
import { type NameSums, newNameSums } from '../../projections/name-counts.js';
import { openNameHours } from '../../projections/name-hours.js';
import { openNames } from '../../projections/names.js';
import { type ListedSession, openSessions } from '../../projections/sessions.js';
import { openStreams, sessionStream, userStream } from '../../projections/streams.js';
import { openUserHours } from '../../projections/user-hours.js';
import { type ListedUser, openUsers } from '../../projections/users.js';
import {
  type ActivityDay,
  type Aggregates,
  type CountedDay,
  type CountedName,
  type EventsPage,
  type Query,
  ReadTimeout,
  type SessionRow,
  type TailPage,
  type TimeRange,
  type UserRow,
} from '../port.js';
import { activityOf } from './activity.js';
import { aggregate } from './aggregates.js';
import { type ErrorReads, openErrorReads } from './error-reads.js';
import { countFunnel } from './funnel.js';
import { listEvents } from './listing.js';
import { compareUtf8, mergeOrdered, take } from './merge.js';
import { rememberBatches } from './recent-batches.js';

export interface Reads extends ErrorReads {
  events(query: Query<'events'>): EventsPage;
  event(id: number): StoredEvent | undefined;
  sessionWindow(app: string, session: string, range: TimeRange): StoredEvent[];
  tail(after: number, limit: number): TailPage;
  users(query: Query<'users'>): UserRow[];
  sessions(query: Query<'sessions'>): SessionRow[];
  funnel(query: Query<'funnel'>): CountedName[];
  aggregates(query: Query<'aggregates'>): Aggregates;
  names(query: Query<'names'>): CountedName[];
  activity(query: Query<'activity'>): ActivityDay[];
  sessionApps(session: string): string[];
}

/** Throws `ReadTimeout` once the read has run for `READ_MS_MAX`. */
function openDeadline(): () => void {
  const end = performance.now() + READ_MS_MAX;
  let calls = 0;
  return () => {
    if ((++calls & 0x3f) === 0 && performance.now() > end) throw new ReadTimeout(`over ${READ_MS_MAX} ms`);
  };
}

/** Each function reads one snapshot as long as it is called synchronously; `env.renewSnapshot()` first for the newest. */
export function openReads(env: Env, store: Log, chunkCount: (app: number, session: string) => number): Reads {
  const log = rememberBatches(store);
  const streams = openStreams(env);
  const sessions = openSessions(env, log);
  const users = openUsers(env, log);
  const views = {
    days: openDays(env),
    userHours: openUserHours(env),
    errors: openErrors(env),
    names: openNames(env),
    nameHours: openNameHours(env),
  };
  const { dictionaries } = log;

  /** The range with its defaults, from the fence on. */
  const clamp = ({ from = 0, to = MAX_TS }: TimeRange) => ({ from: Math.max(from, log.fence()), to });
  /** The numbers of the apps asked for: all, the one, or none when nobody has heard of it. */
  const appNumbers = (app: string | undefined): number[] => {
    if (app === undefined) return log.apps();
    const number = dictionaries.number('app', app);
    return number === undefined ? [] : [number];
  };
  const appName = (app: number): string => dictionaries.text('app', app);

  const inWindow = (stream: Buffer, { from, to }: { from: number; to: number }): StoredEvent[] => {
    const found: StoredEvent[] = [];
    const checkTime = openDeadline();
    for (const ref of streams.oldestFirst(stream, { from, to })) {
      checkTime();
      const batch = log.batch(ref);
      batch.ts.forEach((ts, index) => {
        if (ts >= from && ts <= to) found.push(log.event(batch, index));
      });
    }
    return found.sort((a, b) => a.ts - b.ts || a.id - b.id);
  };

  const hasEvent = (app: number, user: number, { from, to }: { from: number; to: number }): boolean => {
    for (const ref of streams.oldestFirst(userStream(app, user), { from, to })) {
      if (log.batch(ref).ts.some((ts) => ts >= from && ts <= to)) return true;
    }
    return false;
  };

  const sessionRow = ({ app, session, ...row }: ListedSession): SessionRow => ({
    session_id: session,
    app: appName(app),
    user_id: dictionaries.text('user', row.user),
    started_at: row.firstTs,
    last_seen: row.lastTs,
    event_count: row.events,
    error_count: row.errors,
    chunk_count: chunkCount(app, session),
  });
  const bySessionOrder = (a: ListedSession, b: ListedSession): number =>
    b.lastTs - a.lastTs || compareUtf8(appName(a.app), appName(b.app)) || compareUtf8(a.session, b.session);

  const sessionsOfUser = (user: string, apps: readonly number[]): ListedSession[] => {
    const number = dictionaries.number('user', user);
    if (number === undefined) return [];
    const checkTime = openDeadline();
    const found: ListedSession[] = [];
    for (const app of apps) {
      for (const session of users.sessionsOf(app, number)) {
        checkTime();
        const row = sessions.get(app, session);
        if (row) found.push({ app, session, ...row });
      }
    }
    return found.sort(bySessionOrder);
  };

  function* oneUser(app: number, userId: string): Generator<ListedUser> {
    const user = dictionaries.number('user', userId);
    const row = user === undefined ? undefined : users.get(app, user);
    if (user !== undefined && row) yield { app, user, userId, ...row };
  }

  return {
    ...openErrorReads(env, log, { streams, clamp, appNumbers, openDeadline }),
    events: (query) => listEvents(log, streams, query, clamp(query), openDeadline()),
    event(id) {
      const batch = log.batchOf(id);
      return batch && log.event(batch, id - batch.offset);
    },
    sessionWindow(app, session, range) {
      const number = dictionaries.number('app', app);
      const window = clamp(range);
      if (number === undefined || window.from > window.to) return [];
      return inWindow(sessionStream(number, session), window);
    },
    tail: (after, limit) => readTail(log, after, limit),
    users({ app, user, limit }) {
      const rows = mergeOrdered(
        appNumbers(app).map((number) => (user === undefined ? users.latest(number) : oneUser(number, user))),
        (a, b) =>
          b.lastTs - a.lastTs ||
          compareUtf8(a.userId, b.userId) ||
          compareUtf8(appName(a.app), appName(b.app)),
      );
      return Array.from(take(rows, limit), (row) => ({
        user_id: row.userId,
        app: appName(row.app),
        first_seen: row.firstTs,
        last_seen: row.lastTs,
        session_count: row.sessions,
        ...(row.name ? { name: row.name.text } : {}),
        ...(row.email ? { email: row.email.text } : {}),
      }));
    },
    sessions({ app, user, limit }) {
      const apps = appNumbers(app);
      const listed =
        user === undefined
          ? mergeOrdered(
              apps.map((number) => sessions.latest(number)),
              bySessionOrder,
            )
          : sessionsOfUser(user, apps);
      return Array.from(take(listed, limit), sessionRow);
    },
    funnel({ steps, app, ...range }) {
      const { from, to } = clamp(range);
      const counts =
        from > to
          ? []
          : countFunnel(views.names, {
              apps: appNumbers(app),
              steps: steps.map((step) => dictionaries.number('name', step)),
              from,
              to,
              users: log.counters().user,
              checkTime: openDeadline(),
            });
      return steps.map((name, index) => ({ name, count: counts[index] ?? 0 }));
    },
    aggregates({ app, limit, ...range }) {
      const bounds = clamp(range);
      const apps = appNumbers(app);
      if (bounds.from > bounds.to || apps.length === 0)
        return { dau: [], top_events: [], top_pages: [], errors_by_day: [] };
      const found = aggregate(
        views,
        {
          app: app === undefined ? undefined : apps[0],
          apps,
          ...bounds,
          users: log.counters().user,
          checkTime: openDeadline(),
        },
        (number, user) => hasEvent(number, user, bounds),
      );
      const named = (sums: NameSums) =>
        topNames(sums.entries(), limit, (number) => dictionaries.text('name', number));
      return {
        dau: found.dau.map(toDay),
        top_events: named(found.events),
        top_pages: named(found.pages),
        errors_by_day: found.errors.map(toDay),
      };
    },
    names({ type, prefix = '', app, limit }) {
      const types = type === undefined ? EVENT_TYPES.map((_, code) => code) : [typeCode(type)];
      const { from, to } = clamp({});
      const sums = newNameSums();
      const checkTime = openDeadline();
      for (const number of appNumbers(app)) {
        for (const code of types) {
          checkTime();
          views.names.addCounts(sums, number, code, dayOf(from), dayOf(to));
        }
      }
      const text = (name: number) => dictionaries.text('name', name);
      const all = sums.entries();
      const fitting = prefix === '' ? all : all.filter(([name]) => text(name).startsWith(prefix));
      return topNames(fitting, limit, text);
    },
    activity({ user, app, ...range }) {
      const { from, to } = clamp(range);
      const number = dictionaries.number('user', user);
      if (number === undefined || from > to) return [];
      return activityOf(log, streams, { apps: appNumbers(app), user: number, from, to }, openDeadline());
    },
    sessionApps: (session) =>
      log
        .apps()
        .filter((app) => sessions.get(app, session) !== undefined || chunkCount(app, session) > 0)
        .map(appName)
        .sort(compareUtf8),
  };
}

const toDay = ([day, count]: [number, number]): CountedDay => ({ day: dayName(day), count });

/** The greatest counts, then names ascending; only names that can still make the list are looked up. */
function topNames(
  sums: readonly [name: number, count: number][],
  limit: number,
  text: (name: number) => string,
): CountedName[] {
  const counts = Float64Array.from(sums, ([, count]) => count)
    .sort()
    .reverse();
  const least = counts[Math.min(limit, counts.length) - 1] ?? 0;
  return sums
    .filter(([, count]) => count >= least)
    .map(([number, count]) => ({ name: text(number), count }))
    .sort((a, b) => b.count - a.count || compareUtf8(a.name, b.name))
    .slice(0, limit);
}

function readTail(log: Log, after: number, limit: number): TailPage {
  const head = log.head();
  if (after >= head) return { events: [], head, next: head, gap: after > head };
  const events: StoredEvent[] = [];
  let size = 0;
  let first = head + 1;
  for (const batch of log.arrivals(after + 1)) {
    first = Math.min(first, batch.offset);
    for (let index = Math.max(0, after + 1 - batch.offset); index < batch.ts.length; index++) {
      if (events.length === limit || size > TAIL_TEXT_MAX)
        return { events, head, next: events.at(-1)?.id ?? after, gap: first > after + 1 };
      const event = log.event(batch, index);
      size += textOf(event);
      events.push(event);
    }
  }
  return { events, head, next: head, gap: first > after + 1 };
}
