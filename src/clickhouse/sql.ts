/** Conditions on times and places, besides those of the filter. */

import { dayOf, hourOf } from '../domain/utc.js';
import type { EventPosition } from '../questions/cursor.js';
import { ALL, type Condition } from '../questions/filter.js';
import type { TimeRange } from '../store/port.js';

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
