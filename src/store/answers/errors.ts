/** Reads of errors: the groups they fall into, one group's occurrences, and what came before and after one. */

import { frameOf } from '../../domain/error-grouping.js';
import { EVENT_TYPES, type StoredEvent, typeCode } from '../../domain/event.js';
import { MAX_TS } from '../../domain/limits.js';
import { type Log, lastTsBound } from '../../log/batches/log.js';
import type { Env } from '../../log/file/env.js';
import { dayName, dayOf } from '../../projections/days.js';
import { obtain } from '../../projections/engine/projection.js';
import {
  type ErrorGroup,
  groupOf,
  type Occurrence,
  openErrorGroups,
} from '../../projections/error-groups.js';
import { type Streams, typeStream } from '../../projections/streams.js';
import type { ErrorGroupRow, EventPosition, EventsPage, Neighbours, Query, TimeRange } from '../port.js';
import { listEvents } from './listing.js';

const ERROR = typeCode('error');
const LAST_DAY = dayOf(MAX_TS);

export interface ErrorReads {
  errorGroups(query: Query<'errorGroups'>): ErrorGroupRow[];
  occurrences(query: Query<'occurrences'>): EventsPage;
  neighbours(id: number): Neighbours | undefined;
}

/** What these reads share with all others. */
export interface ReadScope {
  streams: Streams;
  /** The range with its defaults, from the fence on. */
  clamp(range: TimeRange): { from: number; to: number };
  /** The numbers of the apps asked for. */
  appNumbers(app: string | undefined): number[];
  /** The way to give up a read that takes too long. */
  openDeadline(): () => void;
}

/** What a group's occurrences come to; `newest` is the greatest by `(ts, id)`. */
interface Sum {
  group: ErrorGroup;
  count: number;
  users: Set<number>;
  firstTs: number;
  newest: EventPosition;
  days: Map<number, number>;
}

const inOrder = (a: EventPosition, b: EventPosition): number => a.ts - b.ts || a.id - b.id;

const newSum = (group: ErrorGroup): Sum => ({
  group,
  count: 0,
  users: new Set(),
  firstTs: MAX_TS,
  newest: { ts: -1, id: 0 },
  days: new Map(),
});

function add(sum: Sum, { ts, user, id }: Occurrence): void {
  const day = dayOf(ts);
  sum.count++;
  sum.users.add(user);
  sum.firstTs = Math.min(sum.firstTs, ts);
  if (inOrder({ ts, id }, sum.newest) > 0) sum.newest = { ts, id };
  sum.days.set(day, (sum.days.get(day) ?? 0) + 1);
}

/** An id in two parts: the app, whose name may have a dot in it, and the group's hash. */
const GROUP_ID = /^(.+)\.([0-9a-f]{24})$/s;

const mostFirst = (a: Sum, b: Sum): number => b.count - a.count || inOrder(b.newest, a.newest);

export function openErrorReads(env: Env, log: Log, scope: ReadScope): ErrorReads {
  const groups = openErrorGroups(env);
  const { dictionaries } = log;

  /** A group's name to the outside, where it is opaque: the same in every store that has its errors. */
  const groupId = ({ app, hash }: ErrorGroup): string => `${dictionaries.text('app', app)}.${hash}`;

  /** `undefined` for a text that is none, or of an app that never was. */
  const parseGroupId = (id: string): ErrorGroup | undefined => {
    const [, name = '', hash = ''] = GROUP_ID.exec(id) ?? [];
    const app = dictionaries.number('app', name);
    return app === undefined ? undefined : { app, hash };
  };

  const eventOf = (id: number): StoredEvent => {
    const batch = log.batchOf(id);
    if (!batch) throw new Error(`event ${id} is in its error group, but not in the log`);
    return log.event(batch, id - batch.offset);
  };

  const sumUp = (apps: readonly number[], from: number, to: number): Iterable<Sum> => {
    const sums = new Map<string, Sum>();
    const checkTime = scope.openDeadline();
    for (const app of apps) {
      for (const { group, rows } of groups.scan(app, dayOf(from), dayOf(to))) {
        checkTime();
        for (const row of rows) {
          if (row.ts < from || row.ts > to) continue;
          add(
            obtain(sums, `${app}/${group.hash}`, () => newSum(group)),
            row,
          );
        }
      }
    }
    return sums.values();
  };

  const sumOf = (group: ErrorGroup, from: number, to: number): Sum[] => {
    const sum = newSum(group);
    const checkTime = scope.openDeadline();
    for (const rows of groups.days(group, dayOf(from), dayOf(to))) {
      checkTime();
      for (const row of rows) if (row.ts >= from && row.ts <= to) add(sum, row);
    }
    return sum.count > 0 ? [sum] : [];
  };

  const toRow = ({ group, count, users, firstTs, newest, days }: Sum): ErrorGroupRow => {
    const { app, name, props } = eventOf(newest.id);
    const frame = frameOf(props);
    return {
      group: groupId(group),
      app,
      name,
      ...(frame === '' ? {} : { frame }),
      count,
      user_count: users.size,
      first_seen: firstTs,
      last_seen: newest.ts,
      last_event_id: newest.id,
      by_day: [...days].sort(([a], [b]) => a - b).map(([day, count]) => ({ day: dayName(day), count })),
    };
  };

  /** Occurrences of a group before a place, latest first, at least `limit` where there are so many. */
  const before = (
    group: ErrorGroup,
    { from, to }: { from: number; to: number },
    place: EventPosition | undefined,
    limit: number,
  ): Occurrence[] => {
    const found: Occurrence[] = [];
    const checkTime = scope.openDeadline();
    for (const rows of groups.days(group, dayOf(to), dayOf(from))) {
      checkTime();
      const inside = rows.filter(
        (row) => row.ts >= from && row.ts <= to && (!place || inOrder(row, place) < 0),
      );
      for (const row of inside.sort((a, b) => inOrder(b, a))) found.push(row);
      if (found.length >= limit) break;
    }
    return found;
  };

  const aroundError = (group: ErrorGroup, place: EventPosition): Neighbours => ({
    group: groupId(group),
    ...told(groups.previous(group, place, dayOf(log.fence())), groups.next(group, place, LAST_DAY)),
  });

  /** The neighbours among the app's events of a type. */
  const aroundOther = (app: number, type: number, place: EventPosition): Neighbours => {
    const { streams, clamp, openDeadline } = scope;
    const query = {
      app: log.dictionaries.text('app', app),
      type: EVENT_TYPES[type] ?? 'event',
      before: place,
      limit: 1,
    };
    const [previous] = listEvents(log, streams, query, clamp({}), openDeadline()).events;
    let next: EventPosition | undefined;
    const checkTime = openDeadline();
    for (const ref of streams.oldestFirst(typeStream(app, type), { from: place.ts, to: MAX_TS })) {
      checkTime();
      if (next && ref.last > lastTsBound(next.ts)) break;
      const batch = log.batch(ref);
      for (const [index, ts] of batch.ts.entries()) {
        const event = { ts, id: batch.offset + index };
        if (batch.types[index] !== type || inOrder(event, place) <= 0) continue;
        if (!next || inOrder(event, next) < 0) next = event;
      }
    }
    return told(previous?.id, next?.id);
  };

  return {
    errorGroups({ app, group, limit, ...range }) {
      const { from, to } = scope.clamp(range);
      if (from > to) return [];
      const apps = scope.appNumbers(app);
      const only = group === undefined ? undefined : parseGroupId(group);
      if (group !== undefined && (!only || !apps.includes(only.app))) return [];
      const sums = only ? sumOf(only, from, to) : sumUp(apps, from, to);
      return [...sums].sort(mostFirst).slice(0, limit).map(toRow);
    },
    occurrences({ group, limit, before: place, ...range }) {
      const head = log.head();
      const bounds = scope.clamp(range);
      const only = parseGroupId(group);
      const to = Math.min(bounds.to, place?.ts ?? bounds.to);
      if (!only || bounds.from > to) return { events: [], head };
      const found = before(only, { from: bounds.from, to }, place, limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        events: page.map(({ id }) => eventOf(id)),
        head,
        ...(last && found.length > page.length ? { next: { ts: last.ts, id: last.id } } : {}),
      };
    },
    neighbours(id) {
      const batch = log.batchOf(id);
      if (!batch) return undefined;
      const index = id - batch.offset;
      const place = { ts: batch.ts[index] ?? 0, id };
      const type = batch.types[index] ?? 0;
      return type === ERROR ? aroundError(groupOf(batch, index), place) : aroundOther(batch.app, type, place);
    },
  };
}

const told = (previous: number | undefined, next: number | undefined): Neighbours => ({
  ...(previous === undefined ? {} : { previous }),
  ...(next === undefined ? {} : { next }),
});
