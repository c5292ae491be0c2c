/**
 * The exact greedy funnel. A user's events of the steps' names, in order, become a text with a letter each.
 * The user took the steps exactly when the letters occur in the text in that order: `LIKE '%a%b%'`.
 *
 * `windowFunnel` would order events of one time by step, not by id. Copies of an event are dropped first: the
 * second of two neighbours with one identity. All of this runs on the shard that has the user's events.
 */
import { FUNNEL_STEPS_MAX } from '../domain/limits.js';
import { all, ofApps } from '../questions/filter.js';
import type { Ask, Found } from '../questions/index.js';
import type { Engine } from './connect.js';
import { type Times, within } from './sql.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'.slice(0, FUNNEL_STEPS_MAX);

export async function countFunnel(
  engine: Engine,
  { steps, apps }: Ask<'funnel'>,
  range: Times,
): Promise<Found<'funnel'>> {
  const names = [...new Set(steps)];
  const { sql, params } = all(within(range), ofApps(apps));
  let pattern = '%';
  const reached = steps.map((step) => {
    pattern += `${LETTERS[names.indexOf(step)]}%`;
    return `(letters LIKE '${pattern}')`;
  });
  const counts = steps.map((_, index) => `countIf(reached > ${index}) AS step${index}`);
  const [row] = await engine.query<Record<string, number>>(
    `SELECT ${counts.join(', ')} FROM (
       SELECT user_id,
         arraySort(groupArray((batch, idx, id, ts, indexOf({names:Array(String)}, name)))) AS copies,
         arrayFilter((it, before) -> (it.1, it.2) != (before.1, before.2), copies,
           arrayPushFront(arrayPopBack(copies), ('', toUInt32(0), toUInt64(0), toUInt64(0), toUInt64(0)))) AS once,
         arrayStringConcat(arrayMap(it -> substring('${LETTERS}', it.3, 1),
           arraySort(arrayMap(it -> (it.4, it.3, it.5), once)))) AS letters,
         ${reached.join(' + ')} AS reached
       FROM events WHERE has({names:Array(String)}, name) AND ${sql} GROUP BY user_id
     )`,
    { ...params, names },
    // All events of a user are on one shard, so no shard needs another one's rows.
    { distributed_group_by_no_merge: '1' },
  );
  return { steps: steps.map((name, index) => ({ name, count: row?.[`step${index}`] ?? 0 })) };
}
