/** Types and loaders of the peers' packages, which are installed in `bench/node_modules` only. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(fileURLToPath(new URL('../../bench/package.json', import.meta.url)));

interface Statement {
  run(...values: unknown[]): unknown;
  raw(): { all(...values: unknown[]): unknown[][] };
}
export interface SqliteDatabase {
  pragma(text: string): unknown;
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  transaction<A extends unknown[]>(body: (...args: A) => void): (...args: A) => void;
  close(): void;
}
export interface DuckdbConnection {
  runAndReadAll(sql: string): Promise<{ getRows(): unknown[][] }>;
  closeSync(): void;
}
interface DuckdbInstance {
  connect(): Promise<DuckdbConnection>;
  closeSync(): void;
}
export interface ClickhouseSession {
  query(sql: string, format?: string): string;
  close(): void;
}
interface CannonClient {
  setBody(body: string): void;
  on(event: 'response', listener: () => void): void;
}
export interface CannonOptions {
  url: string;
  method: 'POST';
  headers: Record<string, string>;
  connections: number;
  duration: number;
  overallRate?: number;
  setupClient: (client: CannonClient) => void;
}
export interface CannonResult {
  requests: { average: number };
  latency: { p99: number };
  non2xx: number;
  errors: number;
}

export const openSqlite = (path: string): SqliteDatabase => {
  const Database = require('better-sqlite3') as new (path: string) => SqliteDatabase;
  return new Database(path);
};
export const openDuckdb = (path: string): Promise<DuckdbInstance> =>
  (
    require('@duckdb/node-api') as { DuckDBInstance: { create(path: string): Promise<DuckdbInstance> } }
  ).DuckDBInstance.create(path);
export const openClickhouse = (path: string): ClickhouseSession => {
  const { Session } = require('chdb') as { Session: new (path: string) => ClickhouseSession };
  return new Session(path);
};
export const cannon = (options: CannonOptions): Promise<CannonResult> =>
  (require('autocannon') as (options: CannonOptions) => Promise<CannonResult>)(options);
