/**
 * Listings of events, newest first by `(ts, id)`. Record batches come by their last event that can match,
 * latest first, so an event goes into the listing as soon as its `ts` is greater than the next batch's.
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
import { mergeOrdered, nextOf } from './merge.js';
import type { Scope } from './scope.js';

interface Found extends EventPosition {
  batch: RecordBatch;
  index: number;
}

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

/** A batch at one of its matches; `left` of its events, all before that one, are not examined yet. */
interface Standing extends Found {
  left: number;
  /** The batch's indexes in order of time, where they are not in that order themselves. */
  order: number[] | undefined;
}

/** The batch at its latest match, if any. */
function standAt(batch: RecordBatch, filter: Filter): Standing | undefined {
  if (!mayMatch(batch, filter)) return undefined;
  const { ts: times, count, isAscending } = batch;
  const inTime = (a: number, b: number) => (times[a] as number) - (times[b] as number) || a - b;
  const order = isAscending ? undefined : Array.from({ length: count }, (_, index) => index).sort(inTime);
  const standing = { batch, left: count, order, ts: 0, id: 0, index: 0 };
  return advance(standing, filter) ? standing : undefined;
}

/** Moves to the previous match; false where there is none. */
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

export function listEvents({ log, streams, clamp, openDeadline }: Scope, ask: Ask<'events'>): EventsPage {
  const head = log.head();
  const { limit, cursor } = ask;
  const { from, to } = clamp(ask);
  const columns = from > to ? undefined : toColumnFilter(ask, log.dictionaries.number);
  if (!columns) return { events: [], head };
  const filter: Filter = { ...columns, from, to: Math.min(to, cursor?.ts ?? to), cursor };
  const wanted = filter.type === undefined ? 0xff : 1 << filter.type;
  const refs = candidates(log, streams, filter);
  const found = newestFound(log, refs, filter, { wanted, limit: limit + 1 }, openDeadline());
  const events: StoredEvent[] = [];
  let size = 0;
  for (const { batch, index } of found.slice(0, limit)) {
    if (size > LIST_TEXT_MAX) break;
    const event = log.event(batch, index);
    size += textOf(event);
    events.push(event);
  }
  return { events, head, ...nextOf(events, found) };
}

function newestFound(
  log: Log,
  refs: Iterable<BatchRef | StreamRef>,
  filter: Filter,
  { wanted, limit }: { wanted: number; limit: number },
  checkTime: () => void,
): Found[] {
  const found: Found[] = [];
  const open: Standing[] = [];
  const giveOut = (laterThan: number): void => {
    while (found.length < limit) {
      const latest = open.at(-1);
      if (latest === undefined || latest.ts <= laterThan) return;
      open.pop();
      const { ts, id, batch, index } = latest;
      found.push({ ts, id, batch, index });
      if (advance(latest, filter)) insert(open, latest);
    }
  };
  for (const ref of refs) {
    checkTime();
    giveOut('last' in ref ? ref.last : ref.lastTs);
    if (found.length === limit) break;
    if ((ref.mask & wanted) === 0) continue;
    const standing = standAt(log.batch(ref), filter);
    if (standing === undefined) continue;
    insert(open, standing);
    // With so many later matches, the earliest batch is never needed.
    if (found.length + open.length > limit) open.shift();
  }
  giveOut(-1);
  return found;
}
