/** The views against the events they are folded from: whether they are as a fold makes them now, and folding them anew. */
import type { Engine } from './connect.js';
import { foldOf, localTable } from './migrations.js';
import { FOLDS } from './schema.js';

/** What each view's states come to, by its keys. */
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

export interface ViewsReport {
  events: number;
  /** By view: rows that are not as a fold makes them. */
  different: Readonly<Record<string, number>>;
}

/** Compares every view with a fold of all events. What collectors store meanwhile may be in one and not yet in the other. */
export async function verifyViews(engine: Engine): Promise<ViewsReport> {
  const different: Record<string, number> = {};
  for (const [view, { keys, values }] of Object.entries(MERGED)) {
    const names = values.map((_, index) => `value${index}`);
    const merged = values.map((value, index) => `${value} AS value${index}`).join(', ');
    const of = (source: string) => `SELECT ${keys}, ${merged} FROM ${source} GROUP BY ${keys}`;
    const [row] = await engine.query<{ rows: number }>(
      `SELECT count() AS rows FROM (
         SELECT ${keys}, ${names.join(', ')} FROM (${of(view)} UNION ALL ${of(`(${foldOf(view, 'events')})`)})
         GROUP BY ${keys}, ${names.join(', ')} HAVING count() != 2
       )`,
      {},
      { max_execution_time: 0 },
    );
    different[view] = Number(row?.rows ?? 0);
  }
  const [row] = await engine.query<{ events: number }>(
    'SELECT uniqExact(batch, idx) AS events FROM events',
    {},
    { max_execution_time: 0 },
  );
  return { events: Number(row?.events ?? 0), different };
}

/** Empties every view and folds all events into it; reads of it are low until that is done. */
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
