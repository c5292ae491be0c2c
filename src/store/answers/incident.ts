/** One event, and an incident: what its session did around it. */
import { EVENT_TYPES, isIncident, type StoredEvent } from '../../domain/event.js';
import { BATCH_SPAN_MS, INCIDENT_AFTER_MS, INCIDENT_BEFORE_MS, MAX_TS } from '../../domain/limits.js';
import { lastTsBound } from '../../log/batches/log.js';
import { type StreamRef, sessionStream, typeStream } from '../../projections/streams.js';
import {
  eventBytes,
  eventBytesAtMost,
  FRAME_BYTES,
  openEvents,
  withoutProps,
} from '../../questions/bounds.js';
import type { EventPosition } from '../../questions/cursor.js';
import { given } from '../../questions/given.js';
import type { Neighbours } from '../../questions/incident.js';
import type { SyncAnswers } from '../../questions/index.js';
import type { answerErrors } from './errors.js';
import { listEvents } from './listing.js';
import { inOrder, mergeOrdered } from './merge.js';
import { cueOf } from './replay.js';
import type { Bounds, Scope } from './scope.js';

/** Of more record batches around an incident only the nearest are read: some half a second's. */
const BREADCRUMB_BATCHES_MAX = 20_000;

export function answerIncidents(
  scope: Scope,
  aroundError: ReturnType<typeof answerErrors>['around'],
): Pick<SyncAnswers, 'event' | 'incident'> {
  const { log, clamp, bounds } = scope;

  const find = (id: number, apps: readonly string[] | undefined): StoredEvent | undefined => {
    const batch = log.batchOf(id);
    const event = batch && scope.eventOf(batch, id - batch.offset);
    return event && (apps === undefined || apps.includes(event.app)) ? event : undefined;
  };

  return {
    event: ({ id, apps }) => find(id, apps),
    incident({ event_id, apps }) {
      const event = find(event_id, apps);
      if (event === undefined || !isIncident(event)) return event && { event };
      const app = log.dictionaries.number('app', event.app) ?? 0;
      const times = {
        from: Math.max(event.ts - INCIDENT_BEFORE_MS, 0),
        to: Math.min(event.ts + INCIDENT_AFTER_MS, MAX_TS),
      };
      const cue = cueOf(scope, app, event, times);
      const room = bounds.bytes - FRAME_BYTES - eventBytes(event) - cue.bytes;
      const crumbs = breadcrumbs(scope, app, event, { ...clamp(times), room });
      const around = {
        breadcrumbs: crumbs.events,
        cue: cue.chunks,
        neighbours: event.type === 'error' ? aroundError(event) : aroundOther(scope, app, event),
        ...(crumbs.isCut || cue.isCut ? { truncated: true as const } : {}),
      };
      return { event, around };
    },
  };
}

/** A stream's batches that can hold an event of the range, nearest to a time first by their `last`. */
function nearestFirst({ streams }: Scope, stream: Buffer, { from, to }: Bounds, ts: number) {
  return mergeOrdered<StreamRef>(
    [
      // The bound is on events; less a batch's span it is one on `last`.
      streams.newestFirst(stream, { from, to: ts - 1 - BATCH_SPAN_MS }),
      streams.oldestFirst(stream, { from: ts, to }),
    ],
    (a, b) => Math.abs(a.last - ts) - Math.abs(b.last - ts),
  );
}

/** The session's events of the window that are nearest to the incident and have room, ascending. */
function breadcrumbs(
  scope: Scope,
  app: number,
  event: StoredEvent,
  { room, ...window }: Bounds & { room: number },
): { events: StoredEvent[]; isCut: boolean } {
  // The incident itself is always among them; where it has no room a second time, without its props.
  const own = eventBytes(event) > room ? withoutProps(event) : event;
  const nearest = openNearest(event, own, room);
  let batches = 0;
  let isCut = false;
  for (const ref of nearestFirst(scope, sessionStream(app, event.session_id), window, event.ts)) {
    isCut = batches++ === BREADCRUMB_BATCHES_MAX;
    if (isCut) break;
    // Batches overlap: a further one may hold a nearer event, so all are looked at, by their times alone.
    const batch = scope.log.batch(ref);
    for (const [index, ts] of batch.ts.entries()) {
      const id = batch.offset + index;
      if (ts < window.from || ts > window.to || id === event.id || !nearest.wants({ ts, id })) continue;
      scope.checkTime();
      nearest.add(scope.eventOf(batch, index));
    }
  }
  const events = [own, ...nearest.close()].sort(inOrder);
  return { events, isCut: isCut || nearest.isCut() };
}

/** Keeps the events that are nearest to a moment, as many as have room beside `own`; holds twice that meanwhile. */
function openNearest(moment: EventPosition, own: StoredEvent, room: number) {
  const distance = ({ ts, id }: EventPosition): number =>
    Math.abs(ts - moment.ts) * 2 + (id > moment.id ? 1 : 0);
  const byDistance = (a: EventPosition, b: EventPosition): number =>
    distance(a) - distance(b) || Math.abs(a.id - moment.id) - Math.abs(b.id - moment.id);
  let kept: StoredEvent[] = [];
  let bytes = 0;
  /** The nearest that has no room. */
  let beyond: EventPosition | undefined;

  const prune = (): void => {
    kept.sort(byDistance);
    const rows = openEvents(room);
    rows.add(own);
    const end = kept.findIndex((event) => !rows.add(event));
    if (end >= 0) beyond = kept[end];
    kept = end >= 0 ? kept.slice(0, end) : kept;
    bytes = rows.bytes();
  };
  return {
    wants: (event: EventPosition): boolean => beyond === undefined || byDistance(event, beyond) < 0,
    add(event: StoredEvent): void {
      kept.push(event);
      bytes += eventBytesAtMost(event);
      if (bytes > room * 2) prune();
    },
    close(): StoredEvent[] {
      prune();
      return kept;
    },
    isCut: () => beyond !== undefined,
  };
}

/** The neighbours among the app's events of the same type. */
function aroundOther(scope: Scope, app: number, event: StoredEvent): Neighbours {
  const { log, streams } = scope;
  const type = EVENT_TYPES.indexOf(event.type);
  const before = listEvents(scope, { apps: [event.app], type: event.type, cursor: event, limit: 1 });
  let next: EventPosition | undefined;
  for (const ref of streams.oldestFirst(typeStream(app, type), { from: event.ts, to: MAX_TS })) {
    scope.checkTime();
    if (next && ref.last > lastTsBound(next.ts)) break;
    const batch = log.batch(ref);
    for (const [index, ts] of batch.ts.entries()) {
      const other = { ts, id: batch.offset + index };
      if (batch.types[index] !== type || inOrder(other, event) <= 0) continue;
      if (!next || inOrder(other, next) < 0) next = other;
    }
  }
  return given({ previous: before.events[0]?.id, next: next?.id });
}
