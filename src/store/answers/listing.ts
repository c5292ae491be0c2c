/**
 * Listings of events, newest first by `(ts, id)`, over record batches that are ordered by their last event only.
 *
 * An event can be given out once no batch still to come can hold a later one: batches come by their last event that can match,
 * latest first, so that is when its `ts` is greater than that of the next batch.
 */
import { EVENT_TYPES, type StoredEvent, textOf } from '../../domain/event.js';
import { LIST_TEXT_MAX } from '../../domain/limits.js';
import type { BatchRef, Log } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';
import {
  type StreamRef,
  type Streams,
  sessionStream,
  typeStream,
  userStream,
} from '../../projections/streams.js';
import type { EventPosition } from '../../questions/cursor.js';
import type { EventsPage } from '../../questions/event-json.js';
import { type ColumnFilter, mayMatch, toColumnFilter } from '../../questions/filter.js';
import type { Ask } from '../../questions/index.js';
import { mergeOrdered } from './merge.js';
import type { Scope } from './scope.js';

interface Place extends EventPosition {
  batch: RecordBatch;
  index: number;
}

const newerFirst = (a: EventPosition, b: EventPosition): number => b.ts - a.ts || b.id - a.id;
const laterBatchFirst = (a: StreamRef, b: StreamRef): number => b.last - a.last || b.offset - a.offset;

/** The filter in the log's numbers, with the bounds of the page. */
interface Filter extends ColumnFilter {
  from: number;
  to: number;
  cursor: EventPosition | undefined;
}

/** The batches that can hold a match, from the most selective streams there are. */
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

/** Of streams of all types: each batch once, where its last event is. Types that share that come one after the other. */
function* wholeBatches(refs: Iterable<StreamRef>): Generator<StreamRef> {
  let offset = 0;
  for (const ref of refs) {
    if (ref.last < ref.lastTs || ref.offset === offset) continue;
    offset = ref.offset;
    yield ref;
  }
}

/** A batch at one of its matches; `left` of its events, all before that one, are still to go through. */
interface Standing extends Place {
  left: number;
  /** The batch's indexes in the order of time, where that is not their own. */
  order: number[] | undefined;
}

/** The batch at its latest match, if it has any. */
function standAt(batch: RecordBatch, filter: Filter): Standing | undefined {
  if (!mayMatch(batch, filter)) return undefined;
  const { ts: times, count, isAscending } = batch;
  const inTime = (a: number, b: number) => (times[a] as number) - (times[b] as number) || a - b;
  const order = isAscending ? undefined : Array.from({ length: count }, (_, index) => index).sort(inTime);
  const standing = { batch, left: count, order, ts: 0, id: 0, index: 0 };
  return advance(standing, filter) ? standing : undefined;
}

/** Goes on to the match before; false where there is none. */
function advance(standing: Standing, { type, from, to, cursor }: Filter): boolean {
  const { batch, order } = standing;
  while (standing.left > 0) {
    standing.left--;
    const index = order === undefined ? standing.left : (order[standing.left] as number);
    const ts = batch.ts[index] as number;
    const id = batch.offset + index;
    if (ts < from) return false;
    if (ts > to || (type !== undefined && batch.types[index] !== type)) continue;
    if (cursor !== undefined && ts === cursor.ts && id >= cursor.id) continue;
    standing.ts = ts;
    standing.id = id;
    standing.index = index;
    return true;
  }
  return false;
}

/** Puts a batch among others, of which the one that stands at the latest match is last. */
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

/** One page. */
export function listEvents({ log, streams, clamp, openDeadline }: Scope, ask: Ask<'events'>): EventsPage {
  const head = log.head();
  const { limit, cursor } = ask;
  const { from, to } = clamp(ask);
  const columns = from > to ? undefined : toColumnFilter(ask, log.dictionaries.number);
  if (!columns) return { events: [], head };
  const filter: Filter = { ...columns, from, to: Math.min(to, cursor?.ts ?? to), cursor };
  const wanted = filter.type === undefined ? 0xff : 1 << filter.type;
  const places = newestPlaces(
    log,
    candidates(log, streams, filter),
    filter,
    { wanted, limit: limit + 1 },
    openDeadline(),
  );
  const events: StoredEvent[] = [];
  let size = 0;
  for (const { batch, index } of places.slice(0, limit)) {
    // The rest comes with the next page.
    if (size > LIST_TEXT_MAX) break;
    const event = log.event(batch, index);
    size += textOf(event);
    events.push(event);
  }
  const last = events.at(-1);
  return {
    events,
    head,
    ...(last && places.length > events.length ? { next: { ts: last.ts, id: last.id } } : {}),
  };
}

function newestPlaces(
  log: Log,
  refs: Iterable<BatchRef | StreamRef>,
  filter: Filter,
  { wanted, limit }: { wanted: number; limit: number },
  checkTime: () => void,
): Place[] {
  const places: Place[] = [];
  const open: Standing[] = [];
  const giveOut = (laterThan: number): void => {
    while (places.length < limit) {
      const latest = open.at(-1);
      if (latest === undefined || latest.ts <= laterThan) return;
      open.pop();
      const { ts, id, batch, index } = latest;
      places.push({ ts, id, batch, index });
      if (advance(latest, filter)) insert(open, latest);
    }
  };
  for (const ref of refs) {
    checkTime();
    giveOut('last' in ref ? ref.last : ref.lastTs);
    if (places.length === limit) break;
    if ((ref.mask & wanted) === 0) continue;
    const standing = standAt(log.batch(ref), filter);
    if (standing === undefined) continue;
    insert(open, standing);
    // What stands behind so many others, each at a match of its own, is never given out.
    if (places.length + open.length > limit) open.shift();
  }
  giveOut(-1);
  return places;
}
