/** The reference design: one table in SQLite with three indexes, in WAL mode. */
import { join } from 'node:path';
import { arrivals } from '../data.js';
import { openSqlite, type SqliteDatabase } from '../peers.js';
import type { OpenEngine } from './engine.js';
import { askSql } from './sql.js';

export type Synchronous = 'NORMAL' | 'FULL';

const GROUP_ROWS = 10_000;
export const INSERT =
  'INSERT INTO events (ts, app, user_id, session_id, type, name, url, props) VALUES (?, ?, ?, ?, ?, ?, ?, ?)';

/** Opens the reference design's database; creates the table and indexes when missing. */
export function openReference(path: string, synchronous: Synchronous): SqliteDatabase {
  const database = openSqlite(path);
  database.pragma('journal_mode = WAL');
  database.pragma(`synchronous = ${synchronous}`);
  database.exec(`
    CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, app TEXT NOT NULL, user_id TEXT NOT NULL,
      session_id TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, url TEXT, props TEXT);
    CREATE INDEX IF NOT EXISTS by_user ON events (user_id, ts);
    CREATE INDEX IF NOT EXISTS by_type ON events (type, ts);
    CREATE INDEX IF NOT EXISTS by_session ON events (session_id, ts);`);
  return database;
}

export const openSqliteEngine: OpenEngine = async (folder) => {
  const database = openReference(join(folder, 'reference.db'), 'NORMAL');
  database.pragma('cache_size = -1000000');
  const prepared = new Map<string, ReturnType<SqliteDatabase['prepare']>>();
  return {
    async fill({ events, onProgress }) {
      const insert = database.prepare(INSERT);
      let rows: unknown[][] = [];
      let stored = 0;
      const commit = database.transaction(() => {
        for (const row of rows) insert.run(...row);
      });
      for (const { app, events: made } of arrivals(events)) {
        for (const event of made) {
          const { ts, user_id, session_id, type, name, url, props } = event;
          rows.push([ts, app, user_id, session_id, type, name, url, props]);
        }
        stored += made.length;
        if (rows.length < GROUP_ROWS && stored < events) continue;
        commit();
        rows = [];
        onProgress(stored);
      }
      database.pragma('wal_checkpoint(TRUNCATE)');
      database.exec('ANALYZE');
    },
    ask: (ask) =>
      askSql(
        async (sql) => {
          const statement = prepared.get(sql) ?? database.prepare(sql);
          prepared.set(sql, statement);
          return statement.raw().all();
        },
        { day: 'ts / 86400000' },
        ask,
      ),
    close: async () => database.close(),
  };
};
