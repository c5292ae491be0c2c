/** `spyglass migrate`: moves a data folder into ClickHouse, or back, and compares the two afterwards. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { type ClickhouseStore, openClickhouseStore } from '../clickhouse/store.js';
import {
  countEvents,
  eventsForEmbedded,
  everyChunk,
  linesForEmbedded,
  moveBatchIds,
  movedUpTo,
  moveEvents,
} from '../clickhouse/transfer.js';
import { DAY_MS } from '../domain/limits.js';
import { eventLine } from '../store/offline/export-format.js';
import { type ExportLine, parseLine } from '../store/offline/export-parser.js';
import { exportStore, openChunkExport } from '../store/offline/export-store.js';
import { importLines } from '../store/offline/import.js';
import { takeStore } from '../store/offline/take-store.js';
import { openLmdbStore } from '../store/open-in-process.js';
import type { NewChunk, OnProgress, Store } from '../store/port.js';
import { readConfig, type Where } from './config-file.js';
import { CommandFailure, EXIT_FAILED, EXIT_USAGE } from './failure.js';
import { withProgress } from './progress.js';

export interface MigrateOptions extends Where {
  from: string;
  to: string;
}

const CLICKHOUSE = 'clickhouse';
/** Lines stored together. */
const STEP_LINES = 5_000;
/** A run that was cut off continues this many ids earlier: some shards may lack the last group. */
const OVERLAP_IDS = 2 * STEP_LINES;

/** By day: how many events, and a sum of their lines that does not depend on their order. */
type DaySums = Map<string, { count: number; sum: bigint }>;

/** Moves one way; run again, it goes on where it was cut off. Ends with exit code 1 where the two differ. */
export async function migrate({ from, to, ...where }: MigrateOptions): Promise<void> {
  if ((from === CLICKHOUSE) === (to === CLICKHOUSE)) {
    throw new CommandFailure(
      'one of --from and --to is a data folder, the other the word clickhouse',
      EXIT_USAGE,
    );
  }
  const { store: settings } = await readConfig(where);
  if (settings.engine !== CLICKHOUSE) {
    throw new CommandFailure(
      'the configuration does not say where ClickHouse is: set store.engine, store.url',
      EXIT_USAGE,
    );
  }
  // Nobody else stores here meanwhile, so the newest is all there is.
  const clickhouse = await openClickhouseStore({ ...settings, trailMs: 0 });
  try {
    const dataDir = resolve(to === CLICKHOUSE ? from : to);
    if (from === CLICKHOUSE) await moveEventsOut(clickhouse, dataDir);
    const lock = await takeStore(dataDir);
    try {
      await (to === CLICKHOUSE ? moveIn(dataDir, clickhouse) : moveChunksOut(clickhouse, dataDir));
      await compare(dataDir, clickhouse);
    } finally {
      await lock?.release();
    }
  } finally {
    await clickhouse.close();
  }
}

async function moveIn(dataDir: string, { engine, ...store }: ClickhouseStore): Promise<void> {
  const source = await storeIdOf(dataDir);
  const known = await movedUpTo(engine, source);
  if (known === 'other') throw new CommandFailure('another store was moved into this database before');
  let group: ExportLine[] = [];
  const flush = async (): Promise<void> => {
    const events = group.flatMap((line) => (line.kind === 'event' ? [line.event] : []));
    const batchIds = group.flatMap((line) => (line.kind === 'batch' ? [line.batch] : []));
    await moveEvents(engine, source, events);
    await moveBatchIds(engine, batchIds);
    group = [];
  };
  await withProgress('events', 'events', async (onProgress) => {
    const pages = exportStore(dataDir, Math.max(0, known - OVERLAP_IDS), onProgress);
    for await (const page of pages) {
      for (const line of page.split('\n').filter((line) => line !== '')) group.push(parseLine(line));
      if (group.length >= STEP_LINES) await flush();
    }
    await flush();
  });
  const { count, chunks, close } = await openChunkExport(dataDir);
  try {
    await moveChunks(chunks(), count, store);
  } finally {
    await close();
  }
}

async function storeIdOf(dataDir: string): Promise<string> {
  const pages = exportStore(dataDir, 0, () => {});
  const { value } = await pages.next();
  await pages.return(undefined);
  const header = parseLine(String(value).trim());
  return header.kind === 'header' ? header.header.store : '';
}

async function moveEventsOut({ engine, ...store }: ClickhouseStore, dataDir: string): Promise<void> {
  const total = await countEvents(engine);
  const lines = linesForEmbedded(engine, store);
  await withProgress('events', 'events', (update) => {
    const onProgress: OnProgress = ({ done }) => update({ done: Math.min(done, total), total });
    return importLines({ dataDir, lines, onProgress, now: Date.now() });
  });
}

async function moveChunksOut({ engine }: ClickhouseStore, dataDir: string): Promise<void> {
  const [row] = await engine.query<{ chunks: number }>(
    'SELECT uniqExact(app, session_id, seq) AS chunks FROM chunks',
  );
  const target = await openLmdbStore({ dataDir });
  await moveChunks(everyChunk(engine), Number(row?.chunks ?? 0), target).finally(target.close);
}

/** Skips chunks that are there already with the same size and time of receipt. */
async function moveChunks(
  chunks: AsyncIterable<NewChunk>,
  count: number,
  target: Pick<Store, 'ask' | 'putChunk'>,
): Promise<void> {
  let done = 0;
  let session = '';
  let there = new Map<number, string>();
  const markOf = (size: number, receivedAt: number) => `${size}/${receivedAt}`;
  const pageOf = ({ session: id, app }: NewChunk, cursor: number) =>
    target.ask('replay', { id, apps: [app], cursor });
  await withProgress('replays', 'chunks', async (onProgress) => {
    for await (const chunk of chunks) {
      if (session !== `${chunk.app}/${chunk.session}`) {
        session = `${chunk.app}/${chunk.session}`;
        there = new Map();
        for (let cursor: number | undefined = 0; cursor !== undefined; ) {
          const page: Awaited<ReturnType<typeof pageOf>> = await pageOf(chunk, cursor);
          for (const row of page.chunks) there.set(row.seq, markOf(row.size_bytes, row.received_at));
          cursor = page.next;
        }
      }
      if (there.get(chunk.seq) !== markOf(chunk.bytes.byteLength, chunk.receivedAt))
        await target.putChunk(chunk);
      onProgress({ done: ++done, total: count });
    }
  });
}

/** Reads both through and compares them day by day. */
async function compare(dataDir: string, clickhouse: ClickhouseStore): Promise<void> {
  const embedded: DaySums = new Map();
  const moved: DaySums = new Map();
  await withProgress('comparing', 'events', async (onProgress) => {
    const pages = exportStore(dataDir, 0, ({ done, total }) => onProgress({ done, total: 2 * total }));
    for await (const page of pages) {
      for (const line of page.split('\n').filter((line) => line.startsWith('{"id":'))) add(embedded, line);
    }
    for await (const event of eventsForEmbedded(clickhouse)) add(moved, eventLine(event));
  });
  const days = [...new Set([...embedded.keys(), ...moved.keys()])].sort();
  const different = days.filter((day) => {
    const [a, b] = [embedded.get(day), moved.get(day)];
    return a?.count !== b?.count || a?.sum !== b?.sum;
  });
  const events = [...embedded.values()].reduce((sum, { count }) => sum + count, 0);
  if (different.length === 0) {
    console.log(
      `ok  ${events} events of ${days.length} days are the same on both sides, by count and checksum a day`,
    );
    return;
  }
  for (const day of different)
    console.log(
      `  ${day}  ${embedded.get(day)?.count ?? 0} events in the folder, ${moved.get(day)?.count ?? 0} in ClickHouse`,
    );
  console.log(
    `NOT OK  ${different.length} of ${days.length} days differ: run the same command again, with no collector running`,
  );
  process.exitCode = EXIT_FAILED;
}

function add(sums: DaySums, line: string): void {
  const { ts } = JSON.parse(line) as { ts: number };
  const day = new Date(ts - (ts % DAY_MS)).toISOString();
  const known = sums.get(day) ?? { count: 0, sum: 0n };
  const digest = createHash('sha256').update(line).digest().readBigUInt64BE();
  sums.set(day, { count: known.count + 1, sum: BigInt.asUintN(64, known.sum + digest) });
}
