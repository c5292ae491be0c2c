/** Error groups, and the events of one group. */
import { frameOf } from '../../domain/error-grouping.js';
import type { StoredEvent } from '../../domain/event.js';
import { MAX_TS } from '../../domain/limits.js';
import { dayName, dayOf } from '../../domain/utc.js';
import {
  type ErrorGroup,
  type ErrorGroups,
  groupOf,
  type OccurrenceBlock,
  occurrenceId,
  occurrenceTs,
  openErrorGroups,
  rowsOf,
} from '../../projections/error-groups.js';
import {
  BY_DAY_BYTES,
  dayBytes,
  daysMax,
  FRAME_BYTES,
  fitDays,
  jsonBytes,
  openEvents,
  openRows,
} from '../../questions/bounds.js';
import type { EventPosition } from '../../questions/cursor.js';
import type { ErrorGroupRow } from '../../questions/errors.js';
import { given } from '../../questions/given.js';
import type { Neighbours } from '../../questions/incident.js';
import type { Found, SyncAnswers } from '../../questions/index.js';
import { greatestGroups, type Sum } from './error-sums.js';
import { inOrder, openFirst } from './merge.js';
import type { Bounds, Scope } from './scope.js';

const LAST_DAY = dayOf(MAX_TS);

/** The app, whose name may have a dot, and the group's hash. */
const GROUP_ID = /^(.+)\.([0-9a-f]{24})$/s;

/** A group's id, opaque to clients: the same in every store. */
const groupId = ({ log }: Scope, { app, hash }: ErrorGroup): string =>
  `${log.dictionaries.text('app', app)}.${hash}`;

/** `undefined` for what is no id, and for apps that do not exist or were not asked for. */
function parseGroupId(
  { log, appNumbers }: Scope,
  id: string,
  apps: readonly string[] | undefined,
): ErrorGroup | undefined {
  const [, name = '', hash = ''] = GROUP_ID.exec(id) ?? [];
  const app = log.dictionaries.number('app', name);
  return app === undefined || !appNumbers(apps).includes(app) ? undefined : { app, hash };
}

function eventOf(scope: Scope, id: number): StoredEvent {
  const batch = scope.log.batchOf(id);
  if (!batch) throw new Error(`event ${id} is in its error group, but not in the log`);
  scope.deadline.checkNow();
  return scope.eventOf(batch, id - batch.offset);
}

/** `around` gives the incidents before and after an error, in its group. */
export function answerErrors(
  scope: Scope,
): Pick<SyncAnswers, 'errors' | 'occurrences'> & { around(event: StoredEvent): Neighbours } {
  const groups = openErrorGroups(scope.env);
  const { log, checkTime, bounds } = scope;
  return {
    errors({ apps, group, limit, ...range }) {
      const times = scope.clamp(range);
      if (times.from > times.to) return { groups: [] };
      const only = group === undefined ? undefined : parseGroupId(scope, group, apps);
      if (group !== undefined && !only) return { groups: [] };
      const sums = greatestGroups({
        ...times,
        blocks: () => blocksOf(groups, { apps: scope.appNumbers(apps), only }, times, checkTime),
        limit,
        users: log.counters().user,
        daysMax: daysMax(bounds),
        checkTime,
      });
      return groupRows(scope, sums);
    },
    occurrences({ apps, group, limit, cursor, ...range }) {
      const head = log.head();
      const times = scope.clamp(range);
      const only = parseGroupId(scope, group, apps);
      const to = Math.min(times.to, cursor?.ts ?? times.to);
      if (!only || times.from > to) return { events: [], head };
      const events = openEvents(bounds.bytes);
      const found = before(scope, groups, only, { from: times.from, to, cursor, limit: limit + 1 });
      for (const { id } of found) {
        if (events.rows.length < limit && events.add(eventOf(scope, id))) continue;
        const last = events.rows.at(-1) as EventPosition;
        return { events: events.rows, head, next: { ts: last.ts, id: last.id } };
      }
      return { events: events.rows, head };
    },
    around(event) {
      // Whose props are too large for an answer are too large to look for a stack in.
      const batch = event.truncated ? undefined : log.batchOf(event.id);
      if (!batch) return {};
      const group = groupOf(batch, event.id - batch.offset);
      return given({
        group: groupId(scope, group),
        previous: groups.previous(group, event, dayOf(log.fence()), checkTime),
        next: groups.next(group, event, LAST_DAY, checkTime),
      });
    },
  };
}

/** Blocks of occurrences, of one group or of every group of the apps. */
function* blocksOf(
  groups: ErrorGroups,
  { apps, only }: { apps: readonly number[]; only: ErrorGroup | undefined },
  { from, to }: Bounds,
  check: () => void,
): Generator<OccurrenceBlock> {
  const [first, last] = [dayOf(from), dayOf(to)];
  if (only) for (const blocks of groups.days(only, first, last, check)) yield* blocks;
  else for (const app of apps) yield* groups.scan(app, first, last);
}

/** The rows of groups, and of their days, as many as an answer has room for. */
function groupRows(scope: Scope, sums: readonly Sum[]): Found<'errors'> {
  const { bytes } = scope.bounds;
  const rows = openRows<ErrorGroupRow>(bytes, ({ by_day, ...row }) => jsonBytes(row) + BY_DAY_BYTES);
  const all = sums.every((sum) => rows.add(toRow(scope, sum)));
  const days = rows.rows.map(({ by_day }) => by_day);
  const isCut = fitDays(days, bytes - FRAME_BYTES - rows.bytes(), dayBytes);
  const groups = rows.rows.map((row, at) => (isCut[at] ? { ...row, truncated: true as const } : row));
  const isWhole = all && groups.every(({ truncated }) => truncated === undefined);
  return { groups, ...(isWhole ? {} : { truncated: true }) };
}

function toRow(scope: Scope, { group, count, users, firstTs, newest, days, sinceDay }: Sum): ErrorGroupRow {
  const { app, name, props } = eventOf(scope, newest.id);
  const frame = frameOf(props);
  return {
    group: groupId(scope, group),
    app,
    name,
    ...(frame === '' ? {} : { frame }),
    count,
    user_count: users.count,
    first_seen: firstTs,
    last_seen: newest.ts,
    last_event_id: newest.id,
    by_day: [...days].sort(([a], [b]) => a - b).map(([day, count]) => ({ day: dayName(day), count })),
    ...(sinceDay === 0 ? {} : { truncated: true }),
  };
}

/** A group's newest occurrences before `cursor`, latest first. */
function before(
  scope: Scope,
  groups: ErrorGroups,
  group: ErrorGroup,
  { from, to, cursor, limit }: Bounds & { cursor: EventPosition | undefined; limit: number },
): EventPosition[] {
  const found: EventPosition[] = [];
  for (const blocks of groups.days(group, dayOf(to), dayOf(from), scope.checkTime)) {
    const { first, add } = openFirst<EventPosition>(limit - found.length, (a, b) => inOrder(b, a));
    for (const block of blocks) {
      scope.checkTime();
      for (let row = 0; row < rowsOf(block); row++) {
        const position = { ts: occurrenceTs(block, row), id: occurrenceId(block, row) };
        if (position.ts < from || position.ts > to) continue;
        if (cursor === undefined || inOrder(position, cursor) < 0) add(position);
      }
    }
    for (const position of first) found.push(position);
    if (found.length >= limit) break;
  }
  return found;
}
