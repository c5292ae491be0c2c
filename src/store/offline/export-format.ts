/**
 * The lines of an export, one JSON object each: what `export` writes; `export-parser.ts` reads them.
 *
 * 1. `{"spyglass_export":1,"store":…,"after":…,"head":…}`: the store's id, and which ids follow: after < id ≤ head.
 * 2. the events in order of arrival, fields as in the API, with `app`, and `props` last so that they stay as sent;
 * 3. every `batch_id` still remembered: `{"batch_id":…,"app":…,"received_at":…,"next":…}`;
 * 4. `{"end":…,"events":…}`: the head again and how many events there were; an export without it was cut off.
 */
import type { StoredEvent } from '../../domain/event.js';

export const EXPORT_FORMAT = 1;

export interface ExportHeader {
  store: string;
  after: number;
  head: number;
}

export interface ExportedBatchId {
  batchId: string;
  app: string;
  receivedAt: number;
  /** Id that was next once the batch was in. */
  next: number;
}

export const PROPS = ',"props":';

export function headerLine({ store, after, head }: ExportHeader): string {
  return JSON.stringify({ spyglass_export: EXPORT_FORMAT, store, after, head });
}

export function eventLine({ props, ...fields }: StoredEvent): string {
  const text = JSON.stringify(fields);
  return props === undefined ? text : `${text.slice(0, -1)}${PROPS}${props}}`;
}

export function batchIdLine({ batchId, app, receivedAt, next }: ExportedBatchId): string {
  return JSON.stringify({ batch_id: batchId, app, received_at: receivedAt, next });
}

export function endLine(head: number, events: number): string {
  return JSON.stringify({ end: head, events });
}
