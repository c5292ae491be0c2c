/**
 * How events are spread over partitions, and their inserts.
 *
 * An insert makes a part in each partition that it touches, of `events` and of each view, and a part costs the
 * engine milliseconds and files. So there are few partitions, whatever times events claim: all that is older than
 * 2023-12-19 is one, and so is all after 2051. An insert touches `PARTITIONS_MAX` of them at most.
 */
import type { Engine } from './connect.js';
import type { EventRow } from './rows.js';

const EVENTS = { hours: 90 * 24, first: 219, last: 330 };
/** 90 days; the first and the last are open-ended. */
export const EVENTS_PARTITION = `least(greatest(intDiv(hour, ${EVENTS.hours}), ${EVENTS.first}), ${EVENTS.last})`;
/** 360 days: views are small. */
export const VIEWS_PARTITION = 'least(greatest(intDiv(day, 360), 55), 82)';
/** Of one insert. */
export const PARTITIONS_MAX = 20;

/** The partition of databases made before there was a bound: 30 days each, without an end. */
const EARLIER_PARTITION = 'intDiv(hour, 720)';
const EARLIER_HOURS = 720;

type PartitionOf = (row: EventRow) => number;
const earlierPartitionOf: PartitionOf = ({ hour }) => Math.floor(hour / EARLIER_HOURS);
const partitionOf: PartitionOf = ({ hour }) =>
  Math.min(Math.max(Math.floor(hour / EVENTS.hours), EVENTS.first), EVENTS.last);

/**
 * Inserts events, the newest partitions first, in statements that touch few partitions each. When one fails, those
 * before it are stored: a retry under the same identities completes them.
 */
export async function insertEvents(engine: Engine, rows: readonly EventRow[]): Promise<void> {
  if (isNarrow(rows)) return engine.insert('events', rows);
  for (const group of groupsOf(rows, await partitioningOf(engine))) await engine.insert('events', group);
}

/** Whether they touch few partitions under either key, as all but odd batches do. */
function isNarrow(rows: readonly EventRow[]): boolean {
  let least = Number.MAX_SAFE_INTEGER;
  let greatest = 0;
  for (const row of rows) {
    const partition = earlierPartitionOf(row);
    if (partition < least) least = partition;
    if (partition > greatest) greatest = partition;
  }
  return greatest - least < PARTITIONS_MAX;
}

async function partitioningOf(engine: Engine): Promise<PartitionOf> {
  // A Distributed table has no key of its own.
  const tables = await engine.query<{ partition_key: string }>(
    "SELECT partition_key FROM system.tables WHERE database = {database:String} AND name IN ('events', 'events_local')",
    { database: engine.database },
  );
  const isEarlier = tables.some(({ partition_key }) => partition_key === EARLIER_PARTITION);
  return isEarlier ? earlierPartitionOf : partitionOf;
}

function groupsOf(rows: readonly EventRow[], partition: PartitionOf): EventRow[][] {
  const newestFirst = [...new Set(rows.map(partition))].sort((a, b) => b - a);
  const groupOf = new Map(newestFirst.map((one, index) => [one, Math.floor(index / PARTITIONS_MAX)]));
  const groups: EventRow[][] = [];
  for (const row of rows) {
    const group = groupOf.get(partition(row)) ?? 0;
    groups[group] ??= [];
    groups[group].push(row);
  }
  return groups;
}
