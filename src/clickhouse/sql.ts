/** Conditions with their bound parameters: what a client sent never is part of a statement's text. */
import type { EventPosition, TimeRange } from '../store/port.js';
import type { Params } from './connect.js';
import { dayOf, hourOf } from './rows.js';

export interface Condition {
  sql: string;
  params: Params;
}

export const ALL: Condition = { sql: '1', params: {} };

/** A column that equals a value; no condition where there is no value. */
export function equal(
  column: string,
  type: 'String' | 'UInt8',
  value: string | number | undefined,
): Condition {
  return value === undefined ? ALL : { sql: `${column} = {${column}:${type}}`, params: { [column]: value } };
}

export function all(...conditions: readonly Condition[]): Condition {
  const due = conditions.filter(({ sql }) => sql !== '1');
  if (due.length === 0) return ALL;
  return {
    sql: due.map(({ sql }) => `(${sql})`).join(' AND '),
    params: Object.assign({}, ...due.map((one) => one.params)),
  };
}

/** Events between two times, both inclusive; by the hour too, which is how they are ordered. */
export const within = ({ from, to }: Required<TimeRange>): Condition => ({
  sql: 'ts BETWEEN {from:UInt64} AND {to:UInt64} AND hour BETWEEN {from_hour:UInt32} AND {to_hour:UInt32}',
  params: { from, to, from_hour: hourOf(from), to_hour: hourOf(to) },
});

/** Rows of views of the days between two times. */
export const daysWithin = ({ from, to }: Required<TimeRange>): Condition => ({
  sql: 'day BETWEEN {from_day:UInt32} AND {to_day:UInt32}',
  params: { from_day: dayOf(from), to_day: dayOf(to) },
});

/** Events less than a place by `(ts, id)`. */
export const beforePlace = (place: EventPosition | undefined): Condition =>
  place === undefined
    ? ALL
    : {
        sql: 'ts < {before_ts:UInt64} OR (ts = {before_ts:UInt64} AND id < {before_id:UInt64})',
        params: { before_ts: place.ts, before_id: place.id },
      };
