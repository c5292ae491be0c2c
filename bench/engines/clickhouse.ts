/** ClickHouse in process (chdb): a MergeTree ordered by time, with bloom filters for users and sessions. */
import { openClickhouse } from '../peers.js';
import type { OpenEngine } from './engine.js';
import { askSql, ORDER_KEY, type RunSql } from './sql.js';

const COLUMNS = `id UInt64, ts Int64, app LowCardinality(String), user_id String, session_id String, type LowCardinality(String),
  name LowCardinality(String), url LowCardinality(String), props String`;

export const openClickhouseEngine: OpenEngine = async (folder) => {
  const session = openClickhouse(folder);
  const run: RunSql = async (sql) =>
    session
      .query(`${sql} SETTINGS output_format_json_quote_64bit_integers = 0`, 'JSONCompactEachRow')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown[]);
  session.query('CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic');
  session.query('USE bench');
  return {
    async fill({ tsv }) {
      session.query(`CREATE TABLE events (${COLUMNS}, INDEX of_user user_id TYPE bloom_filter GRANULARITY 1,
        INDEX of_session session_id TYPE bloom_filter GRANULARITY 1) ENGINE = MergeTree ORDER BY (ts, id)`);
      session.query(`INSERT INTO events SELECT * FROM file('${tsv}', 'TSV', '${COLUMNS}')`);
      session.query('OPTIMIZE TABLE events FINAL');
    },
    ask: (ask) =>
      askSql(
        run,
        {
          day: 'intDiv(ts, 86400000)',
          // The order key is unique, so the order is exact; the window is wider than all times.
          funnel: (steps, where) => {
            const names = steps.map((step) => `name = '${step}'`);
            const levels = steps.map((_, index) => `countIf(level > ${index})`);
            return `SELECT ${levels.join(', ')} FROM (SELECT user_id, windowFunnel(4611686018427387904)(toUInt64(${ORDER_KEY}), ${names.join(', ')}) AS level
              FROM events WHERE (${names.join(' OR ')}) AND ${where} GROUP BY user_id)`;
          },
        },
        ask,
      ),
    // The folder keeps merged parts for some minutes.
    bytes: async () =>
      Number(
        (await run("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'"))[0]?.[0],
      ),
    close: async () => session.close(),
  };
};
