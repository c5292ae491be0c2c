/** Error groups, and the events of one group. */
import { frameOf } from '../../domain/error-grouping.js';
import type { StoredEvent } from '../../domain/event.js';
import { MAX_TS } from '../../domain/limits.js';
import { dayName, dayOf } from '../../domain/utc.js';
import { obtain } from '../../projections/engine/projection.js';
import {
  type ErrorGroup,
  type ErrorGroups,
  groupOf,
  type Occurrence,
  openErrorGroups,
} from '../../projections/error-groups.js';
import type { EventPosition } from '../../questions/cursor.js';
import type { ErrorGroupRow } from '../../questions/errors.js';
import { given } from '../../questions/given.js';
import type { Neighbours } from '../../questions/incident.js';
import type { SyncAnswers } from '../../questions/index.js';
import { inOrder, nextOf } from './merge.js';
import type { Bounds, Scope } from './scope.js';

const LAST_DAY = dayOf(MAX_TS);

/** The sum of a group's occurrences; `newest` is the greatest by `(ts, id)`. */
interface Sum {
  group: ErrorGroup;
  count: number;
  users: Set<number>;
  firstTs: number;
  newest: EventPosition;
  days: Map<number, number>;
}

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

/** The app, whose name may have a dot, and the group's hash. */
const GROUP_ID = /^(.+)\.([0-9a-f]{24})$/s;

const mostFirst = (a: Sum, b: Sum): number => b.count - a.count || inOrder(b.newest, a.newest);

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

function eventOf({ log }: Scope, id: number): StoredEvent {
  const batch = log.batchOf(id);
  if (!batch) throw new Error(`event ${id} is in its error group, but not in the log`);
  return log.event(batch, id - batch.offset);
}

/** `around` gives the incidents before and after an error, in its group. */
export function answerErrors(
  scope: Scope,
): Pick<SyncAnswers, 'errors' | 'occurrences'> & { around(event: StoredEvent): Neighbours } {
  const groups = openErrorGroups(scope.env);
  const { log } = scope;
  return {
    errors({ apps, group, limit, ...range }) {
      const bounds = scope.clamp(range);
      if (bounds.from > bounds.to) return { groups: [] };
      const only = group === undefined ? undefined : parseGroupId(scope, group, apps);
      if (group !== undefined && !only) return { groups: [] };
      const blocks = blocksOf(groups, { apps: scope.appNumbers(apps), only }, bounds);
      const sums = sumUp(scope, blocks, bounds).sort(mostFirst).slice(0, limit);
      return { groups: sums.map((sum) => toRow(scope, sum)) };
    },
    occurrences({ apps, group, limit, cursor, ...range }) {
      const head = log.head();
      const bounds = scope.clamp(range);
      const only = parseGroupId(scope, group, apps);
      const to = Math.min(bounds.to, cursor?.ts ?? bounds.to);
      if (!only || bounds.from > to) return { events: [], head };
      const found = before(scope, groups, only, { from: bounds.from, to, cursor, limit: limit + 1 });
      const events = found.slice(0, limit).map(({ id }) => eventOf(scope, id));
      return { events, head, ...nextOf(events, found) };
    },
    around(event) {
      const batch = log.batchOf(event.id);
      if (!batch) return {};
      const group = groupOf(batch, event.id - batch.offset);
      return given({
        group: groupId(scope, group),
        previous: groups.previous(group, event, dayOf(log.fence())),
        next: groups.next(group, event, LAST_DAY),
      });
    },
  };
}

/** Blocks of occurrences, of one group or of every group of the apps. */
function* blocksOf(
  groups: ErrorGroups,
  { apps, only }: { apps: readonly number[]; only: ErrorGroup | undefined },
  { from, to }: Bounds,
): Generator<{ group: ErrorGroup; rows: Iterable<Occurrence> }> {
  const [first, last] = [dayOf(from), dayOf(to)];
  if (only) for (const rows of groups.days(only, first, last)) yield { group: only, rows };
  else for (const app of apps) yield* groups.scan(app, first, last);
}

/** The sums of all groups with an occurrence in the range. */
function sumUp(scope: Scope, blocks: ReturnType<typeof blocksOf>, { from, to }: Bounds): Sum[] {
  const sums = new Map<string, Sum>();
  const checkTime = scope.openDeadline();
  for (const { group, rows } of blocks) {
    checkTime();
    const sum = obtain(sums, `${group.app}/${group.hash}`, () => newSum(group));
    for (const row of rows) if (row.ts >= from && row.ts <= to) add(sum, row);
  }
  return [...sums.values()].filter(({ count }) => count > 0);
}

function toRow(scope: Scope, { group, count, users, firstTs, newest, days }: Sum): ErrorGroupRow {
  const { app, name, props } = eventOf(scope, newest.id);
  const frame = frameOf(props);
  return {
    group: groupId(scope, group),
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
}

/** A group's occurrences before `cursor`, latest first: at least `limit` if there are as many. */
function before(
  scope: Scope,
  groups: ErrorGroups,
  group: ErrorGroup,
  { from, to, cursor, limit }: Bounds & { cursor: EventPosition | undefined; limit: number },
): Occurrence[] {
  const found: Occurrence[] = [];
  const checkTime = scope.openDeadline();
  for (const rows of groups.days(group, dayOf(to), dayOf(from))) {
    checkTime();
    const inside = rows.filter(
      (row) => row.ts >= from && row.ts <= to && (!cursor || inOrder(row, cursor) < 0),
    );
    for (const row of inside.sort((a, b) => inOrder(b, a))) found.push(row);
    if (found.length >= limit) break;
  }
  return found;
}
