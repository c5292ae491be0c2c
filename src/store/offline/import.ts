/** Takes an export into a store: ids and `batch_id`s as they were, whole or cut off, once or again. */
import type { EventRequest, StoredEvent } from '../../domain/event.js';
import { DAY_MS, SEEN_MS } from '../../domain/limits.js';
import { type Log, META, packCounters, STORE_FORMAT } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';
import { remember, seenAt, seenKey } from '../../log/batches/seen.js';
import type { Env } from '../../log/file/env.js';
import { markFolded } from '../../projections/engine/states.js';
import type { OnProgress } from '../port.js';
import { openWriteSide, type WriteSide } from '../sides.js';
import { lockDataDir } from './exclusive.js';
import { type ExportedBatchId, type ExportHeader, eventLine } from './export-format.js';
import { parseLine } from './export-parser.js';

/** Events committed together: many for the folds to coalesce, few for a small memory. */
const STEP_EVENTS = 4_096;
const STEP_BATCH_IDS = 1_024;

export interface ImportReport {
  /** Events stored now. */
  events: number;
  /** Events that were there already. */
  known: number;
  /** Events below the store's retention fence, left out. */
  expired: number;
  /** `batch_id`s remembered now. */
  batchIds: number;
  /** Whether the export's last line was there; without it, the next export begins after `head`. */
  complete: boolean;
  /** The store's newest id now. */
  head: number;
}

export interface ImportOptions {
  dataDir: string;
  lines: AsyncIterable<string>;
  onProgress: OnProgress;
  /** Unix ms. */
  now: number;
}

/** The input is no export, or does not fit the store; the message is one line. */
export class ImportRefused extends Error {
  override name = 'StoreImportRefused';
}

type Opened = WriteSide & { env: Env; log: Log };

/**
 * Reads an export into an empty store, which becomes that store, or into the same store as its continuation.
 * Events that are there already are compared, so importing again does no harm. Throws `ImportRefused` and
 * `StoreUnusable`; everything before the refused line is then stored.
 */
export async function importLines(options: ImportOptions): Promise<ImportReport> {
  const { dataDir, onProgress } = options;
  const lock = await lockDataDir(dataDir);
  try {
    const store = openWriteSide(dataDir, { onProgress, onFailure: () => {} });
    return await readAll(store, options).finally(store.close);
  } finally {
    await lock.release();
  }
}

async function readAll(store: Opened, { lines, onProgress, now }: ImportOptions): Promise<ImportReport> {
  const { log } = store;
  const report = { events: 0, known: 0, expired: 0, batchIds: 0, complete: false };
  const isKnown = openComparison(log);
  let header: ExportHeader | undefined;
  let number = 0;
  let events: StoredEvent[] = [];
  let batches: ExportedBatchId[] = [];

  const flush = () => {
    report.events += storeEvents(store, events);
    report.batchIds += storeBatchIds(store, batches, now);
    events = [];
    batches = [];
    onProgress({ done: log.head(), total: header?.head ?? 0 });
  };

  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const parsed = refuseOnError(number, () => parseLine(line));
    if (header === undefined) {
      if (parsed.kind !== 'header')
        throw new ImportRefused('line 1 is not the first line of a spyglass export');
      header = parsed.header;
      begin(store, header);
      continue;
    }
    if (parsed.kind === 'header')
      throw new ImportRefused(`line ${number}: a second export begins; import them one by one`);
    if (parsed.kind === 'event') {
      const { event } = parsed;
      const last = events.at(-1);
      if (last && event.id <= last.id) throw new ImportRefused(`line ${number}: ids do not ascend`);
      if (last === undefined && event.id <= log.head()) {
        if (!isKnown(event))
          throw new ImportRefused(`line ${number}: the store has another event ${event.id}`);
        report.known += 1;
      } else if (event.ts < log.fence()) report.expired += 1;
      else events.push(event);
    }
    if (parsed.kind === 'batch') batches.push(parsed.batch);
    if (parsed.kind === 'end') {
      flush();
      reachHead(store, parsed.head);
      report.complete = true;
    }
    if (events.length >= STEP_EVENTS || batches.length >= STEP_BATCH_IDS) flush();
  }
  if (header === undefined)
    throw new ImportRefused('there is nothing to import: no first line of a spyglass export');
  flush();
  return { ...report, head: log.head() };
}

/** Checks that the export continues this store, or makes an empty store the exported one. */
function begin({ env, log }: Opened, { store, after }: ExportHeader): void {
  const head = log.head();
  if (after > head) {
    throw new ImportRefused(
      `the export begins after id ${after}, and the store ends at ${head}: export with --after ${head}`,
    );
  }
  if (log.storeId === store) return;
  if (head > 0) throw new ImportRefused('the store holds events of its own, not those this export continues');
  env.transaction(() => {
    log.tables.meta.put(META.format, Buffer.from(JSON.stringify({ format: STORE_FORMAT, store })));
  });
}

/** Whether the store has the very same event under its id; one that retention took counts as the same. */
function openComparison(log: Log): (event: StoredEvent) => boolean {
  let batch: RecordBatch | undefined;
  return (event) => {
    const holds =
      batch !== undefined && event.id >= batch.offset && event.id < batch.offset + batch.ts.length;
    if (!holds) batch = log.batchOf(event.id);
    return batch === undefined || eventLine(log.event(batch, event.id - batch.offset)) === eventLine(event);
  };
}

function storeEvents(store: Opened, events: readonly StoredEvent[]): number {
  for (const settled of store.commit(runsOf(events))) if ('error' in settled) throw settled.error;
  return events.length;
}

/** Runs of one app with ids that follow each other: what one batch can hold. */
function runsOf(events: readonly StoredEvent[]): EventRequest[] {
  const runs: { app: string; firstId: number; receivedAt: number; events: StoredEvent[] }[] = [];
  for (const event of events) {
    const run = runs.at(-1);
    if (run && run.app === event.app && run.firstId + run.events.length === event.id) run.events.push(event);
    else runs.push({ app: event.app, firstId: event.id, receivedAt: 0, events: [event] });
  }
  return runs;
}

function storeBatchIds(store: Opened, batches: readonly ExportedBatchId[], now: number): number {
  const { log } = store;
  const { seen, expiry } = log.tables;
  const rows = batches
    .filter(({ receivedAt }) => now - receivedAt <= SEEN_MS && receivedAt <= now + DAY_MS)
    .map(({ app, next, ...batch }) => ({ ...batch, app: store.appNumber(app), offset: next }))
    .filter(({ app, batchId }) => seenAt(seen, seenKey(app, batchId), now) === undefined);
  if (rows.length === 0) return 0;
  const counters = log.counters();
  store.env.transaction(() => {
    remember({ seen, expiry }, counters.commit, rows);
    log.tables.meta.put(META.next, packCounters({ ...counters, commit: counters.commit + 1 }));
  });
  return rows.length;
}

/** Continues after the exported head even where retention took its last events: ids are never given again. */
function reachHead({ env, log }: Opened, head: number): void {
  const counters = log.counters();
  if (head < counters.offset) return;
  env.transaction(() => {
    markFolded(log, head + 1);
    log.tables.meta.put(META.next, packCounters({ ...counters, offset: head + 1 }));
  });
}

function refuseOnError<T>(line: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ImportRefused(`line ${line} cannot be read: ${(error as Error).message}`);
  }
}
