/** DuckDB in process with a database file and its default number of threads. */
import { join } from 'node:path';
import { openDuckdb } from '../peers.js';
import type { OpenEngine } from './engine.js';
import { askSql, type RunSql } from './sql.js';

export const openDuckdbEngine: OpenEngine = async (folder) => {
  const instance = await openDuckdb(join(folder, 'duck.db'));
  const connection = await instance.connect();
  const run: RunSql = async (sql) => (await connection.runAndReadAll(sql)).getRows();
  return {
    async fill({ tsv }) {
      await run(`CREATE TABLE events (id BIGINT, ts BIGINT, app VARCHAR, user_id VARCHAR, session_id VARCHAR, type VARCHAR,
        name VARCHAR, url VARCHAR, props VARCHAR)`);
      await run(`COPY events FROM '${tsv}' (FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', HEADER false)`);
      await run('CHECKPOINT');
    },
    ask: (ask) => askSql(run, { day: 'ts // 86400000' }, ask),
    async close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
};
