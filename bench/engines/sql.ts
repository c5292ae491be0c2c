/** The questions as SQL, the same for every SQL engine except for its dialect. */
import { DAY_MS } from '../../src/domain/limits.js';
import { type Answer, type Ask, LIST_LIMIT, type Range, TOP_LIMIT } from '../questions.js';

export interface Dialect {
  /** The whole number of days in a time column. */
  day: string;
  /** A funnel where the engine has a better way than joins. */
  funnel?: (steps: readonly string[], where: string) => string;
}

export type RunSql = (sql: string) => Promise<unknown[][]>;

const COLUMNS = 'id, ts, app, user_id, session_id, type, name, url, props';
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function whereOf({ app, from, to }: Range): string {
  const parts = [
    ...(app === undefined ? [] : [`app = ${quoted(app)}`]),
    ...(from === undefined ? [] : [`ts >= ${from}`]),
    ...(to === undefined ? [] : [`ts <= ${to}`]),
  ];
  return parts.length === 0 ? '1 = 1' : parts.join(' AND ');
}

/** `(ts, id)` as one number of the same order, for ids below 2^25. */
export const ORDER_KEY = '((ts - 1700000000000) * 33554432 + id)';

/** For each step, each user's least position after the step before. */
function joinedFunnel(steps: readonly string[], where: string): string {
  const reached = steps.map((step, index) =>
    index === 0
      ? `s0 AS (SELECT user_id, min(${ORDER_KEY}) AS k FROM events WHERE name = ${quoted(step)} AND ${where} GROUP BY user_id)`
      : `s${index} AS (SELECT e.user_id AS user_id, min(${ORDER_KEY}) AS k FROM events e JOIN s${index - 1} p ON e.user_id = p.user_id
          WHERE name = ${quoted(step)} AND ${ORDER_KEY} > p.k AND ${where} GROUP BY e.user_id)`,
  );
  const counts = steps.map((_, index) => `(SELECT count(*) FROM s${index})`);
  return `WITH ${reached.join(', ')} SELECT ${counts.join(', ')}`;
}

const numbers = (rows: unknown[][]): unknown[][] =>
  rows.map((row) => row.map((value) => (typeof value === 'bigint' ? Number(value) : value)));

export async function askSql(run: RunSql, dialect: Dialect, ask: Ask): Promise<Answer> {
  const rows = async (sql: string): Promise<unknown[][]> => numbers(await run(sql));
  switch (ask.kind) {
    case 'funnel':
      return (await rows((dialect.funnel ?? joinedFunnel)(ask.steps, whereOf(ask))))[0] ?? [];
    case 'aggregates': {
      const where = whereOf(ask);
      const byDay = (what: string, extra: string) =>
        `SELECT ${dialect.day} AS day, ${what} AS n FROM events WHERE ${where}${extra} GROUP BY day ORDER BY day`;
      const top = (type: string) =>
        `SELECT name, count(*) AS n FROM events WHERE ${where} AND type = '${type}' GROUP BY name ORDER BY n DESC, name LIMIT ${TOP_LIMIT}`;
      return [
        await rows(byDay('count(DISTINCT user_id)', '')),
        await rows(top('event')),
        await rows(top('pageview')),
        await rows(byDay('count(*)', " AND type = 'error'")),
      ];
    }
    case 'newest': {
      const by =
        ask.user !== undefined
          ? `user_id = ${quoted(ask.user)}`
          : ask.type
            ? `type = '${ask.type}'`
            : '1 = 1';
      return rows(`SELECT ${COLUMNS} FROM events WHERE ${by} ORDER BY ts DESC, id DESC LIMIT ${LIST_LIMIT}`);
    }
    case 'incident':
      return rows(
        `SELECT ${COLUMNS} FROM events WHERE session_id = ${quoted(ask.session)} AND ${whereOf(ask)} ORDER BY ts, id`,
      );
    case 'users':
      return rows(
        `SELECT user_id, app, min(ts) AS first, max(ts) AS last, count(DISTINCT session_id) FROM events
         GROUP BY app, user_id ORDER BY last DESC, user_id, app LIMIT ${LIST_LIMIT}`,
      );
    case 'sessions':
      return rows(
        `SELECT session_id, app, min(user_id), min(ts) AS first, max(ts) AS last, count(*),
         sum(CASE WHEN type = 'error' THEN 1 ELSE 0 END) FROM events
         GROUP BY app, session_id ORDER BY last DESC, app, session_id LIMIT ${LIST_LIMIT}`,
      );
  }
}

export const dayNumber = (day: string): number => Date.parse(day) / DAY_MS;
