/**
 * Events and batches of an embedded store into this engine, and back out as the lines of an export.
 *
 * An event moved here keeps its id, and its identity is made of the store's and that id: moving it again changes nothing. On the way
 * back, ids that this engine gave are too great: they are given anew, in their order, from the greatest kept one on.
 */
import type { StoredEvent } from '../domain/event.js';
import {
  batchLine,
  type ExportedBatch,
  endLine,
  eventLine,
  headerLine,
} from '../store/offline/export-format.js';
import type { NewChunk, Store } from '../store/port.js';
import type { Engine } from './connect.js';
import { EMBEDDED_ID_END } from './ids.js';
import { digest, toRow } from './rows.js';

/** Events that share the first half of their identity. */
const RUN_IDS = 1_000;
const PAGE_EVENTS = 5_000;

const identityOf = (store: string, id: number) => ({
  batch: `~${digest('moved', store, Math.floor(id / RUN_IDS))}`,
  idx: id % RUN_IDS,
});

/** The greatest id that came from an embedded store; `'other'` when it was not this store. */
export async function movedUpTo(engine: Engine, store: string): Promise<number | 'other'> {
  const [row] = await engine.query<{ newest: number; batch: string }>(
    `SELECT max(id) AS newest, argMax(batch, id) AS batch FROM arrivals WHERE id < {end:UInt64}`,
    { end: EMBEDDED_ID_END },
  );
  const newest = Number(row?.newest ?? 0);
  return newest === 0 || row?.batch === identityOf(store, newest).batch ? newest : 'other';
}

export async function moveEvents(
  engine: Engine,
  store: string,
  events: readonly StoredEvent[],
): Promise<void> {
  const rows = events.map((event) => toRow(event.app, event, event.id, identityOf(store, event.id)));
  if (rows.length > 0) await engine.insert('events', rows);
}

export async function moveBatches(engine: Engine, batches: readonly ExportedBatch[]): Promise<void> {
  const rows = batches.map(({ app, batchId, receivedAt }) => ({
    base: digest(app, batchId),
    app,
    batch_id: batchId,
    generation: 0,
    received_at: receivedAt,
  }));
  if (rows.length > 0) await engine.insert('batches', rows);
}

/** Every event with a greater id than `after`, in order of arrival. */
async function* eventsAfter(store: Pick<Store, 'tail'>, after: number): AsyncGenerator<StoredEvent> {
  for (let last = after; ; ) {
    const { events, next, head } = await store.tail(last, PAGE_EVENTS);
    yield* events;
    if (next >= head) return;
    last = next;
  }
}

/** Every event there is, in order of arrival, under ids that an embedded store can hold. */
export async function* eventsForEmbedded(store: Pick<Store, 'tail'>): AsyncGenerator<StoredEvent> {
  let last = 0;
  for await (const event of eventsAfter(store, 0)) {
    last = event.id < EMBEDDED_ID_END ? event.id : last + 1;
    yield { ...event, id: last };
  }
}

/** The lines of an export, ids as they are; each ends in a line break. */
export const exportLines = (
  engine: Engine,
  store: Pick<Store, 'tail'>,
  after: number,
): AsyncGenerator<string> => linesOf(engine, eventsAfter(store, after), after, '\n');

/** The lines of an export of this engine that an embedded store can import. */
export const linesForEmbedded = (engine: Engine, store: Pick<Store, 'tail'>): AsyncGenerator<string> =>
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
    yield batchLine({ app, batchId: batch_id, receivedAt: Number(received), next: head + 1 }) + lineEnd;
  yield endLine(head, events) + lineEnd;
}

export async function countEvents(engine: Engine): Promise<number> {
  const [row] = await engine.query<{ events: number }>(
    'SELECT uniqExact(batch, idx) AS events FROM arrivals',
  );
  return Number(row?.events ?? 0);
}

/** Every replay chunk of the engine. */
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
        seq: Number(seq),
        receivedAt: Number(row.received_at),
        bytes: Buffer.from(row.bytes, 'base64'),
        ...(row.ts === null ? {} : { ts: Number(row.ts) }),
      };
    }
  }
}
