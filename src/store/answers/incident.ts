/** One event, and an incident: what its session did around it. */
import { EVENT_TYPES, isIncident, type StoredEvent } from '../../domain/event.js';
import { INCIDENT_AFTER_MS, INCIDENT_BEFORE_MS, MAX_TS } from '../../domain/limits.js';
import { cueFor } from '../../domain/replay-cue.js';
import { lastTsBound } from '../../log/batches/log.js';
import { sessionStream, typeStream } from '../../projections/streams.js';
import type { EventPosition } from '../../questions/cursor.js';
import { given } from '../../questions/given.js';
import type { Neighbours } from '../../questions/incident.js';
import type { SyncAnswers } from '../../questions/index.js';
import type { answerErrors } from './errors.js';
import { listEvents } from './listing.js';
import { inOrder } from './merge.js';
import { chunkRows } from './replay.js';
import type { Bounds, Scope } from './scope.js';

export function answerIncidents(
  scope: Scope,
  aroundError: ReturnType<typeof answerErrors>['around'],
): Pick<SyncAnswers, 'event' | 'incident'> {
  const { log, clamp } = scope;

  const find = (id: number, apps: readonly string[] | undefined): StoredEvent | undefined => {
    const batch = log.batchOf(id);
    const event = batch && log.event(batch, id - batch.offset);
    return event && (apps === undefined || apps.includes(event.app)) ? event : undefined;
  };

  return {
    event: ({ id, apps }) => find(id, apps),
    incident({ event_id, apps }) {
      const event = find(event_id, apps);
      if (event === undefined || !isIncident(event)) return event && { event };
      const app = log.dictionaries.number('app', event.app) ?? 0;
      const from = Math.max(event.ts - INCIDENT_BEFORE_MS, 0);
      const to = Math.min(event.ts + INCIDENT_AFTER_MS, MAX_TS);
      const around = {
        breadcrumbs: window(scope, sessionStream(app, event.session_id), clamp({ from, to })),
        cue: cueFor(chunkRows(scope, app, event.session_id), from, to),
        neighbours: event.type === 'error' ? aroundError(event) : aroundOther(scope, app, event),
      };
      return { event, around };
    },
  };
}

/** The events of a stream within a range, ascending by `(ts, id)`. */
function window(scope: Scope, stream: Buffer, { from, to }: Bounds): StoredEvent[] {
  const { log, streams } = scope;
  const found: StoredEvent[] = [];
  const checkTime = scope.openDeadline();
  for (const ref of streams.oldestFirst(stream, { from, to })) {
    checkTime();
    const batch = log.batch(ref);
    batch.ts.forEach((ts, index) => {
      if (ts >= from && ts <= to) found.push(log.event(batch, index));
    });
  }
  return found.sort(inOrder);
}

/** The neighbours among the app's events of the same type. */
function aroundOther(scope: Scope, app: number, event: StoredEvent): Neighbours {
  const { log, streams } = scope;
  const type = EVENT_TYPES.indexOf(event.type);
  const before = listEvents(scope, { apps: [event.app], type: event.type, cursor: event, limit: 1 });
  let next: EventPosition | undefined;
  const checkTime = scope.openDeadline();
  for (const ref of streams.oldestFirst(typeStream(app, type), { from: event.ts, to: MAX_TS })) {
    checkTime();
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
