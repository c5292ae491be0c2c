/** A page of events in order of arrival. */
import { type StoredEvent, textOf } from '../../domain/event.js';
import { TAIL_TEXT_MAX } from '../../domain/limits.js';
import type { Log } from '../../log/batches/log.js';
import type { TailPage } from '../port.js';

export function readTail(log: Log, after: number, limit: number): TailPage {
  const head = log.head();
  if (after >= head) return { events: [], head, next: head, gap: after > head };
  const events: StoredEvent[] = [];
  let size = 0;
  let first = head + 1;
  for (const batch of log.arrivals(after + 1)) {
    first = Math.min(first, batch.offset);
    for (let index = Math.max(0, after + 1 - batch.offset); index < batch.ts.length; index++) {
      if (events.length === limit || size > TAIL_TEXT_MAX)
        return { events, head, next: events.at(-1)?.id ?? after, gap: first > after + 1 };
      const event = log.event(batch, index);
      size += textOf(event);
      events.push(event);
    }
  }
  return { events, head, next: head, gap: first > after + 1 };
}
