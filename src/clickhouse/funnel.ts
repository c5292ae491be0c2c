/**
 * The exact greedy funnel in the engine: a user's events of the steps' names in order, and for each step the first of its name
 * after the one before. Where the events of a user are, on that shard, all of it is done; what travels is a row a user.
 *
 * `windowFunnel` would order events of one time by their step, not by id. Copies of an event go first: of two neighbours in the order
 * of identities, the second with the same one.
 */
import type { CountedName, TimeRange } from '../store/store.js';
import type { Engine } from './connect.js';
import { all, equal, within } from './sql.js';

export async function countFunnel(
  engine: Engine,
  { steps, app, ...range }: Required<TimeRange> & { steps: readonly string[]; app?: string | undefined },
): Promise<CountedName[]> {
  const names = [...new Set(steps)];
  const { sql, params } = all(within(range), equal('app', 'String', app));
  const places = steps.map((step, index) => place(index, names.indexOf(step) + 1));
  const counts = steps.map((_, index) => `countIf(place${index} > 0) AS step${index}`);
  const [row] = await engine.query<Record<string, number>>(
    `SELECT ${counts.join(', ')} FROM (
       SELECT user_id, arraySort(groupArray((batch, idx, id, ts, indexOf({names:Array(String)}, name)))) AS copies,
         arrayFilter((it, before) -> (it.1, it.2) != (before.1, before.2), copies,
           arrayPushFront(arrayPopBack(copies), ('', toUInt32(0), toUInt64(0), toUInt64(0), toUInt64(0)))) AS once,
         arrayMap(it -> it.3, arraySort(arrayMap(it -> (it.4, it.3, it.5), once))) AS taken,
         ${places.join(',\n')}
       FROM events WHERE has({names:Array(String)}, name) AND ${sql} GROUP BY user_id
     )`,
    { ...params, names },
    // A user's events are on one shard: what it says of them is all there is to say.
    { distributed_group_by_no_merge: '1' },
  );
  return steps.map((name, index) => ({ name, count: Number(row?.[`step${index}`] ?? 0) }));
}

/** Which of a user's events takes a step, counted from 1; 0 for none. */
function place(step: number, name: number): string {
  if (step === 0) return `indexOf(taken, ${name}) AS place0`;
  const first = `arrayFirstIndex((it, at) -> it = ${name} AND at > place${step - 1}, taken, arrayEnumerate(taken))`;
  return `if(place${step - 1} = 0, 0, ${first}) AS place${step}`;
}
