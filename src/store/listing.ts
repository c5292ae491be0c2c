/**
 * Listings of events, newest first by `(ts, id)`, over record batches that are ordered by their last event only.
 *
 * An event can be given out once no batch still to come can hold a later one: batches come by their last event that can match,
 * latest first, so that is when its `ts` is greater than that of the next batch.
 */
import { EVENT_TYPES, type StoredEvent, textOf, typeCode } from '../event.js';
import { LIST_TEXT_MAX } from '../limits.js';
import type { BatchRef, Log } from '../log/log.js';
import type { RecordBatch } from '../log/record-batch.js';
import {
  type StreamRef,
  type Streams,
  sessionStream,
  typeStream,
  userStream,
} from '../projections/streams.js';
import { mergeOrdered } from './merge.js';
import type { EventPosition, EventsPage, EventsQuery } from './store.js';

interface Place extends EventPosition {
  batch: RecordBatch;
  index: number;
}

const newerFirst = (a: EventPosition, b: EventPosition): number => b.ts - a.ts || b.id - a.id;
const laterBatchFirst = (a: StreamRef, b: StreamRef): number => b.last - a.last || b.offset - a.offset;

/** The query in the log's numbers; `undefined` when a name in it never occurred. */
interface Filter {
  app: number | undefined;
  user: number | undefined;
  session: string | undefined;
  type: number | undefined;
  from: number;
  to: number;
  before: EventPosition | undefined;
}

function toFilter(log: Log, query: EventsQuery, range: { from: number; to: number }): Filter | undefined {
  const app = query.app === undefined ? undefined : log.dictionaries.number('app', query.app);
  const user = query.user === undefined ? undefined : log.dictionaries.number('user', query.user);
  if ((query.app !== undefined && app === undefined) || (query.user !== undefined && user === undefined))
    return undefined;
  return {
    app,
    user,
    session: query.session,
    type: query.type === undefined ? undefined : typeCode(query.type),
    from: range.from,
    to: Math.min(range.to, query.before?.ts ?? range.to),
    before: query.before,
  };
}

/** The batches that can hold a match, from the most selective streams there are. */
function candidates(log: Log, streams: Streams, filter: Filter): Iterable<BatchRef | StreamRef> {
  const apps = filter.app === undefined ? log.apps() : [filter.app];
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

/** Adds a batch's matches to `places`, which are newest first and at most `limit`: what is older than all of those is passed over. */
function addMatches(places: Place[], batch: RecordBatch, filter: Filter, limit: number): void {
  if (filter.app !== undefined && batch.app !== filter.app) return;
  if (filter.user !== undefined && batch.user !== filter.user) return;
  if (filter.session !== undefined && batch.session !== filter.session) return;
  const { ts: times, types, offset } = batch;
  const { type, to, before } = filter;
  let from = oldest(places, filter, limit);
  for (let index = times.length - 1; index >= 0; index--) {
    const ts = times[index] as number;
    if (ts < from && batch.isAscending) return;
    if (ts < from || ts > to) continue;
    if (type !== undefined && types[index] !== type) continue;
    const place = { ts, id: offset + index, batch, index };
    if (before && newerFirst(place, before) <= 0) continue;
    insert(places, place, limit);
    from = oldest(places, filter, limit);
  }
}

/** The least time a further place can have. */
function oldest(places: readonly Place[], { from }: Filter, limit: number): number {
  const last = places[limit - 1];
  return last ? Math.max(from, last.ts) : from;
}

function insert(places: Place[], place: Place, limit: number): void {
  let low = 0;
  let high = places.length;
  // Batches come by falling time, so most places go to the end.
  if (high > 0 && newerFirst(places[high - 1] as Place, place) < 0) low = high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (newerFirst(places[middle] as Place, place) < 0) low = middle + 1;
    else high = middle;
  }
  places.splice(low, 0, place);
  if (places.length > limit) places.pop();
}

/** One page; `range` is the query's, clamped to the retention fence. */
export function listEvents(
  log: Log,
  streams: Streams,
  query: EventsQuery,
  range: { from: number; to: number },
  checkTime: () => void,
): EventsPage {
  const head = log.head();
  const filter = range.from > range.to ? undefined : toFilter(log, query, range);
  if (!filter) return { events: [], head };
  const wanted = filter.type === undefined ? 0xff : 1 << filter.type;
  const places = newestPlaces(
    log,
    candidates(log, streams, filter),
    filter,
    { wanted, limit: query.limit + 1 },
    checkTime,
  );
  const events: StoredEvent[] = [];
  let size = 0;
  for (const { batch, index } of places.slice(0, query.limit)) {
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
  for (const ref of refs) {
    checkTime();
    const place = places[limit - 1];
    if (place && place.ts > ('last' in ref ? ref.last : ref.lastTs)) break;
    if ((ref.mask & wanted) === 0) continue;
    addMatches(places, log.batch(ref), filter, limit);
  }
  return places;
}
