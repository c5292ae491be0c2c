/** Conditions on times and positions, besides those of the filter, and answers that are one number. */

import { dayOf, hourOf } from '../domain/utc.js';
import type { EventPosition } from '../questions/cursor.js';
import { ALL, type Condition } from '../questions/filter.js';
import type { TimeRange } from '../store/port.js';
import type { Engine } from './connect.js';

/** Unix ms, both inclusive. */
export type Times = Required<TimeRange>;

/** Events between two times, both inclusive; by `hour` too, which is the first key of the table's order. */
export const within = ({ from, to }: Times): Condition => ({
  sql: 'ts BETWEEN {from:UInt64} AND {to:UInt64} AND hour BETWEEN {from_hour:UInt32} AND {to_hour:UInt32}',
  params: { from, to, from_hour: hourOf(from), to_hour: hourOf(to) },
});

/** Rows of views whose day is between two times. */
export const daysWithin = ({ from, to }: Times): Condition => ({
  sql: 'day BETWEEN {from_day:UInt32} AND {to_day:UInt32}',
  params: { from_day: dayOf(from), to_day: dayOf(to) },
});

/** Events less than a position by `(ts, id)`. */
export const beforePosition = (position: EventPosition | undefined): Condition =>
  position === undefined
    ? ALL
    : {
        sql: 'ts < {before_ts:UInt64} OR (ts = {before_ts:UInt64} AND id < {before_id:UInt64})',
        params: { before_ts: position.ts, before_id: position.id },
      };

/** The engine's clock, Unix ms in whole seconds: collectors' clocks may differ. */
export const ENGINE_NOW_MS = 'toUInt64(toUnixTimestamp(now())) * 1000';

/** The number in the first column of an answer's first row; 0 where there is no row. */
export async function queryNumber(
  engine: Engine,
  ...statement: Parameters<Engine['query']>
): Promise<number> {
  const [row] = await engine.query<Record<string, number>>(...statement);
  return Object.values(row ?? {})[0] ?? 0;
}
