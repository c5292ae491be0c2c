/** The filled stores that the parts read: filled once per number of events, kept between runs. */
import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgress } from '../src/cli/progress.js';
import { arrivals } from './data.js';
import { openClickhouseEngine } from './engines/clickhouse.js';
import { openDuckdbEngine } from './engines/duckdb.js';
import type { Engine, OpenEngine } from './engines/engine.js';
import { openSpyglass } from './engines/spyglass.js';
import { openSqliteEngine } from './engines/sqlite.js';
import type { Row } from './report.js';

export const ENGINES = {
  spyglass: openSpyglass,
  SQLite: openSqliteEngine,
  DuckDB: openDuckdbEngine,
  ClickHouse: openClickhouseEngine,
} as const satisfies Record<string, OpenEngine>;
export type EngineName = keyof typeof ENGINES;

/** Increase it with every change to the data or an engine's schema: stores are then filled again. */
const DATA_VERSION = 1;

export const homeOf = (events: number): string =>
  join(tmpdir(), 'spyglass-bench', `${events}-v${DATA_VERSION}`);
export const storeOf = (events: number, name: EngineName): string => join(homeOf(events), name);
const doneOf = (events: number, name: EngineName): string => join(homeOf(events), `${name}.done`);

export function folderBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? folderBytes(path) : statSync(path).size);
  }, 0);
}

/** Opens an engine's store of `events` events; fills it first where it does not exist. */
export async function openFilled(
  name: EngineName,
  events: number,
): Promise<{ engine: Engine; fillS?: number }> {
  const folder = storeOf(events, name);
  if (existsSync(doneOf(events, name))) return { engine: await ENGINES[name](folder) };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const needsTsv = name === 'DuckDB' || name === 'ClickHouse';
  const tsv = needsTsv ? await writeTsv(events) : '';
  const engine = await ENGINES[name](folder);
  const progress = await startProgress(`fill ${name}`, 'events');
  const start = performance.now();
  await engine.fill({ events, tsv, onProgress: (done) => progress.update({ done, total: events }) });
  const fillS = (performance.now() - start) / 1_000;
  progress.stop();
  writeFileSync(doneOf(events, name), '');
  return { engine, fillS };
}

/** Writes the data as one file, for the engines that load fastest from one; returns its path. */
async function writeTsv(events: number): Promise<string> {
  const path = join(homeOf(events), 'events.tsv');
  if (existsSync(`${path}.done`)) return path;
  const file = createWriteStream(path, { highWaterMark: 1 << 22 });
  const progress = await startProgress('write the data', 'events');
  let id = 0;
  for (const { app, events: made } of arrivals(events)) {
    const lines = made.map(({ ts, user_id, session_id, type, name, url, props }) =>
      [++id, ts, app, user_id, session_id, type, name, url, props].join('\t'),
    );
    if (!file.write(`${lines.join('\n')}\n`)) await once(file, 'drain');
    progress.update({ done: id, total: events });
  }
  file.end();
  await once(file, 'close');
  progress.stop();
  writeFileSync(`${path}.done`, '');
  return path;
}

/** Fills the stores that are missing; reports load rates and bytes on disk per event. */
export async function benchLoad(events: number): Promise<Row[]> {
  const rows: Row[] = [];
  const bytes: Record<string, number> = {};
  for (const name of Object.keys(ENGINES) as EngineName[]) {
    const { engine, fillS } = await openFilled(name, events);
    const dataBytes = await engine.bytes?.();
    await engine.close();
    bytes[name] = (dataBytes ?? folderBytes(storeOf(events, name))) / events;
    if (fillS) rows.push({ name: `bulk load, ${name}`, value: events / fillS, unit: 'events/s' });
  }
  const { spyglass = Number.NaN, ...peers } = bytes;
  rows.push({ name: 'bytes on disk per event', value: spyglass, unit: 'B', peers, goal: { below: 100 } });
  return rows;
}
