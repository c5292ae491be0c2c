/** Checks the views against the events that they are folded from, and folds them again. */
import type { Engine } from './connect.js';
import { foldOf, localTable } from './migrations.js';
import { FOLDS } from './schema.js';
import { queryNumber } from './sql.js';

/** The keys of each view, and how its states are merged. */
const MERGED: Readonly<Record<string, { keys: string; values: readonly string[] }>> = {
  sessions: {
    keys: 'app, session_id, day',
    values: [
      'minMerge(first_ts)',
      'maxMerge(last_ts)',
      'argMaxMerge(last_user)',
      'uniqExactMerge(events)',
      'uniqExactIfMerge(errors)',
    ],
  },
  users: {
    keys: 'app, user_id, day',
    values: [
      'minMerge(first_ts)',
      'maxMerge(last_ts)',
      'arraySort(groupUniqArrayMerge(sessions))',
      'argMaxIfMerge(told_name)',
      'argMaxIfMerge(told_email)',
    ],
  },
  days: {
    keys: 'app, day',
    values: ['minMerge(first_ts)', 'maxMerge(last_ts)', 'uniqExactMerge(users)', 'uniqExactIfMerge(errors)'],
  },
  names: { keys: 'app, type, name, day', values: ['uniqExactMerge(events)'] },
};

/** Compares every view with a fold of all events; events stored meanwhile may show as a difference. */
export async function verifyViews(engine: Engine) {
  /** By view: how many rows differ. */
  const different: Record<string, number> = {};
  for (const [view, { keys, values }] of Object.entries(MERGED)) {
    const names = values.map((_, index) => `value${index}`);
    const merged = values.map((value, index) => `${value} AS value${index}`).join(', ');
    const of = (source: string) => `SELECT ${keys}, ${merged} FROM ${source} GROUP BY ${keys}`;
    different[view] = await countSlowly(
      engine,
      `SELECT count() FROM (
         SELECT ${keys}, ${names.join(', ')} FROM (${of(view)} UNION ALL ${of(`(${foldOf(view, 'events')})`)})
         GROUP BY ${keys}, ${names.join(', ')} HAVING count() != 2
       )`,
    );
  }
  return { events: await countSlowly(engine, 'SELECT uniqExact(batch, idx) FROM events'), different };
}

/** Without the time limit of reads. */
const countSlowly = (engine: Engine, sql: string): Promise<number> =>
  queryNumber(engine, sql, {}, { max_execution_time: 0 });

/** Empties every view and folds all events into it; until a view is done, its answers are too low. */
export async function rebuildViews(
  engine: Engine,
  onView: (done: number, of: number) => void,
): Promise<void> {
  const views = Object.keys(FOLDS);
  for (const [index, view] of views.entries()) {
    await engine.everywhere((on) => `TRUNCATE TABLE ${engine.database}.${localTable(engine, view)} ${on}`);
    await engine.command(`INSERT INTO ${view} ${foldOf(view, 'events')}`);
    onView(index + 1, views.length);
  }
}
