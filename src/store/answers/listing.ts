/**
 * Listings of events, newest first by `(ts, id)`. Record batches come by their last event that can match,
 * latest first, so an event goes into the listing as soon as its `ts` is greater than the next batch's.
 */
import { EVENT_TYPES } from '../../domain/event.js';
import type { BatchRef, Log } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';
import {
  type StreamRef,
  type Streams,
  sessionStream,
  typeStream,
  userStream,
} from '../../projections/streams.js';
import { openEvents } from '../../questions/bounds.js';
import type { EventPosition } from '../../questions/cursor.js';
import type { EventsPage } from '../../questions/event-json.js';
import { type ColumnFilter, mayMatch, toColumnFilter } from '../../questions/filter.js';
import type { Ask } from '../../questions/index.js';
import { mergeOrdered } from './merge.js';
import type { Scope } from './scope.js';

/** What a listing needs of a batch before it gives out an event: less than the batch. */
type Columns = Pick<RecordBatch, 'offset' | 'lastTs' | 'ts' | 'types' | 'count' | 'isAscending'>;

const newerFirst = (a: EventPosition, b: EventPosition): number => b.ts - a.ts || b.id - a.id;
const laterBatchFirst = (a: StreamRef, b: StreamRef): number => b.last - a.last || b.offset - a.offset;

/** With the bounds of the page. */
interface Filter extends ColumnFilter {
  from: number;
  to: number;
  cursor: EventPosition | undefined;
}

/** The batches that can hold a match, from the most selective streams. */
function candidates(log: Log, streams: Streams, filter: Filter): Iterable<BatchRef | StreamRef> {
  const apps = filter.apps ?? log.apps();
  const { user, session, type } = filter;
  const merge = (keys: Buffer[]) =>
    mergeOrdered(
      keys.map((key) => streams.newestFirst(key, filter)),
      laterBatchFirst,
    );
  if (session !== undefined) return merge(apps.map((app) => sessionStream(app, session)));
  if (user !== undefined) return merge(apps.map((app) => userStream(app, user)));
  if (type !== undefined) return merge(apps.map((app) => typeStream(app, type)));
  if (apps.length === log.apps().length) return log.newestFirst(filter);
  return wholeBatches(merge(apps.flatMap((app) => EVENT_TYPES.map((_, code) => typeStream(app, code)))));
}

/** Streams of all types have a batch once for each of its types: gives it once, at its last event. */
function* wholeBatches(refs: Iterable<StreamRef>): Generator<StreamRef> {
  let offset = 0;
  for (const ref of refs) {
    if (ref.last < ref.lastTs || ref.offset === offset) continue;
    offset = ref.offset;
    yield ref;
  }
}

/** Bytes of batches that a listing holds; it reads what is beyond them once more when it is their turn. */
const HELD_BYTES_MAX = 8 * 1_048_576;

/** A batch at one of its matches; `left` of its events, all before that one, are not examined yet. */
interface Standing extends EventPosition {
  columns: Columns;
  /** Absent where too much is held already. */
  batch: RecordBatch | undefined;
  index: number;
  left: number;
  /** The batch's indexes in order of time, where they are not in that order themselves. */
  order: number[] | undefined;
}

/** The batch at its latest match, if any. */
function standAt(batch: RecordBatch, filter: Filter, isHeld: boolean): Standing | undefined {
  if (!mayMatch(batch, filter)) return undefined;
  const { offset, lastTs, ts: times, types, count, isAscending } = batch;
  const inTime = (a: number, b: number) => (times[a] as number) - (times[b] as number) || a - b;
  const order = isAscending ? undefined : Array.from({ length: count }, (_, index) => index).sort(inTime);
  const columns = isHeld ? batch : { offset, lastTs, ts: times, types, count, isAscending };
  const standing = { columns, batch: isHeld ? batch : undefined, left: count, order, ts: 0, id: 0, index: 0 };
  return advance(standing, filter) ? standing : undefined;
}

/** Moves to the previous match; false where there is none. */
function advance(standing: Standing, { type, from, to, cursor }: Filter): boolean {
  const { columns, order } = standing;
  while (standing.left > 0) {
    standing.left--;
    const index = order === undefined ? standing.left : (order[standing.left] as number);
    const ts = columns.ts[index] as number;
    const id = columns.offset + index;
    if (ts < from) return false;
    if (ts > to || (type !== undefined && columns.types[index] !== type)) continue;
    if (cursor !== undefined && ts === cursor.ts && id >= cursor.id) continue;
    standing.ts = ts;
    standing.id = id;
    standing.index = index;
    return true;
  }
  return false;
}

/** Inserts a batch into `open`, whose last one has the latest match. */
function insert(open: Standing[], standing: Standing): void {
  let low = 0;
  let high = open.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (newerFirst(open[middle] as Standing, standing) > 0) low = middle + 1;
    else high = middle;
  }
  open.splice(low, 0, standing);
}

export function listEvents(scope: Scope, ask: Ask<'events'>): EventsPage {
  const { log, clamp, bounds } = scope;
  const head = log.head();
  const { limit, cursor } = ask;
  const { from, to } = clamp(ask);
  const columns = from > to ? undefined : toColumnFilter(ask, log.dictionaries.number);
  if (!columns) return { events: [], head };
  const filter: Filter = { ...columns, from, to: Math.min(to, cursor?.ts ?? to), cursor };
  const events = openEvents(bounds.bytes);
  for (const { batch, index } of newest(scope, filter, limit + 1)) {
    if (events.rows.length < limit && events.add(scope.eventOf(batch, index))) continue;
    const { ts, id } = events.rows.at(-1) as EventPosition;
    return { events: events.rows, head, next: { ts, id } };
  }
  return { events: events.rows, head };
}

interface Found {
  batch: RecordBatch;
  index: number;
}

/** The newest `limit` matches. */
function* newest(
  { log, streams, checkTime }: Scope,
  filter: Filter,
  limit: number,
): Generator<Found, void, void> {
  const wanted = filter.type === undefined ? 0xff : 1 << filter.type;
  const open: Standing[] = [];
  let given = 0;
  let held = 0;
  let last: RecordBatch | undefined;
  const close = ({ batch }: Standing): void => {
    held -= batch?.bytes ?? 0;
  };
  const batchOf = ({ batch, columns }: Standing): RecordBatch => {
    last = batch ?? (last?.offset === columns.offset ? last : log.batch(columns));
    return last;
  };
  /** The latest match, if it is later than that and still wanted. */
  const take = (laterThan: number): Found | undefined => {
    const latest = open.at(-1);
    if (given === limit || latest === undefined || latest.ts <= laterThan) return undefined;
    open.pop();
    const found = { batch: batchOf(latest), index: latest.index };
    if (advance(latest, filter)) insert(open, latest);
    else close(latest);
    given++;
    return found;
  };
  for (const ref of candidates(log, streams, filter)) {
    checkTime();
    const laterThan = 'last' in ref ? ref.last : ref.lastTs;
    for (let found = take(laterThan); found !== undefined; found = take(laterThan)) yield found;
    if (given === limit) return;
    if ((ref.mask & wanted) === 0) continue;
    const batch = log.batch(ref);
    const standing = standAt(batch, filter, held + batch.bytes <= HELD_BYTES_MAX);
    if (standing === undefined) continue;
    held += standing.batch?.bytes ?? 0;
    insert(open, standing);
    // With so many later matches, the earliest batch is never needed.
    const unneeded = given + open.length > limit ? open.shift() : undefined;
    if (unneeded !== undefined) close(unneeded);
  }
  for (let found = take(-1); found !== undefined; found = take(-1)) yield found;
}
