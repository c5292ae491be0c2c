/**
 * Moves events and `batch_id`s of an embedded store into the engine, and back out as the lines of an export.
 *
 * An event that is moved in keeps its id; its identity is made of the store's id and its own, so moving it
 * again changes nothing. On the way back, ids that are too great for an embedded store are renumbered in
 * order, after the greatest id that fits.
 */
import type { StoredEvent } from '../domain/event.js';
import {
  batchIdLine,
  type ExportedBatchId,
  endLine,
  eventLine,
  headerLine,
} from '../store/offline/export-format.js';
import type { NewChunk } from '../store/port.js';
import type { Engine } from './connect.js';
import { EMBEDDED_ID_END } from './ids.js';
import { insertEvents } from './partitions.js';
import { digest, toRow } from './rows.js';
import { queryNumber } from './sql.js';
import type { ClickhouseStore } from './store.js';

type Exported = Pick<ClickhouseStore, 'exportTail'>;

/** How many events share a `batch` in their identity. */
const RUN_IDS = 1_000;
const PAGE_EVENTS = 5_000;

const identityOf = (store: string, id: number) => ({
  batch: `~${digest('moved', store, Math.floor(id / RUN_IDS))}`,
  idx: id % RUN_IDS,
});

/** The greatest id that was moved in; `'other'` when it came from another store. */
export async function movedUpTo(engine: Engine, store: string): Promise<number | 'other'> {
  const [row] = await engine.query<{ newest: number; batch: string }>(
    `SELECT max(id) AS newest, argMax(batch, id) AS batch FROM arrivals WHERE id < {end:UInt64}`,
    { end: EMBEDDED_ID_END },
  );
  const newest = row?.newest ?? 0;
  return newest === 0 || row?.batch === identityOf(store, newest).batch ? newest : 'other';
}

export async function moveEvents(
  engine: Engine,
  store: string,
  events: readonly StoredEvent[],
): Promise<void> {
  const rows = events.map((event) => toRow(event.app, event, event.id, identityOf(store, event.id)));
  if (rows.length > 0) await insertEvents(engine, rows);
}

export async function moveBatchIds(engine: Engine, batches: readonly ExportedBatchId[]): Promise<void> {
  const rows = batches.map(({ app, batchId, receivedAt }) => ({
    base: digest(app, batchId),
    app,
    batch_id: batchId,
    generation: 0,
    received_at: receivedAt,
  }));
  if (rows.length > 0) await engine.insert('batches', rows);
}

/** All events with a greater id than `after`, in order of arrival. */
async function* eventsAfter(store: Exported, after: number): AsyncGenerator<StoredEvent> {
  for (let last = after; ; ) {
    const { events, next, head } = await store.exportTail(last, PAGE_EVENTS);
    yield* events;
    if (next >= head) return;
    last = next;
  }
}

/** All events in order of arrival, with ids that an embedded store can hold. */
export async function* eventsForEmbedded(store: Exported): AsyncGenerator<StoredEvent> {
  let last = 0;
  for await (const event of eventsAfter(store, 0)) {
    last = event.id < EMBEDDED_ID_END ? event.id : last + 1;
    yield { ...event, id: last };
  }
}

/** The lines of an export with the engine's ids; each ends in a line break. */
export const exportLines = (engine: Engine, store: Exported, after: number): AsyncGenerator<string> =>
  linesOf(engine, eventsAfter(store, after), after, '\n');

/** The lines of an export that an embedded store can import, without line breaks. */
export const linesForEmbedded = (engine: Engine, store: Exported): AsyncGenerator<string> =>
  linesOf(engine, eventsForEmbedded(store), 0, '');

async function* linesOf(
  engine: Engine,
  all: AsyncIterable<StoredEvent>,
  after: number,
  lineEnd: string,
): AsyncGenerator<string> {
  const store = digest('clickhouse', engine.database);
  yield headerLine({ store, after, head: after + (await countEvents(engine)) }) + lineEnd;
  let head = after;
  let events = 0;
  for await (const event of all) {
    head = event.id;
    events++;
    yield eventLine(event) + lineEnd;
  }
  const batches = await engine.query<{ app: string; batch_id: string; received: number }>(
    'SELECT app, batch_id, max(received_at) AS received FROM batches GROUP BY app, batch_id',
  );
  for (const { app, batch_id, received } of batches)
    yield batchIdLine({ app, batchId: batch_id, receivedAt: received, next: head + 1 }) + lineEnd;
  yield endLine(head, events) + lineEnd;
}

export const countEvents = (engine: Engine): Promise<number> =>
  queryNumber(engine, 'SELECT uniqExact(batch, idx) FROM arrivals');

/** All replay chunks. */
export async function* everyChunk(engine: Engine): AsyncGenerator<NewChunk> {
  const sessions = await engine.query<{ app: string; session_id: string }>(
    'SELECT DISTINCT app, session_id FROM chunks ORDER BY app, session_id',
  );
  for (const { app, session_id } of sessions) {
    const seqs = await engine.query<{ seq: number }>(
      'SELECT DISTINCT seq FROM chunks WHERE app = {app:String} AND session_id = {session:String} ORDER BY seq',
      { app, session: session_id },
    );
    for (const { seq } of seqs) {
      const [row] = await engine.query<{ ts: number | null; received_at: number; bytes: string }>(
        `SELECT ts, received_at, bytes FROM chunks WHERE app = {app:String} AND session_id = {session:String}
           AND seq = {seq:UInt32} ORDER BY version DESC LIMIT 1`,
        { app, session: session_id, seq },
      );
      if (!row) continue;
      yield {
        app,
        session: session_id,
        seq,
        receivedAt: row.received_at,
        bytes: Buffer.from(row.bytes, 'base64'),
        ...(row.ts === null ? {} : { ts: row.ts }),
      };
    }
  }
}
