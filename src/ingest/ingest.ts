/** From the bytes of a `POST /v1/events` to a valid request, or to the reason why it is refused. */
import type { Config } from '../config/config.js';
import type { ColumnRequest } from '../domain/event-columns.js';
import type { Refusal } from '../domain/problems.js';
import { decodeBody } from './body.js';
import { correctClocks } from './clock.js';
import type { Credentials } from './credentials.js';
import { createEventLimiter, type Windows } from './event-limiter.js';
import { readFast } from './fast-reader.js';
import { createKeyring } from './keyring.js';
import { WRONG_KEY } from './refusals.js';
import type { Content, EnvelopeOutcome, IngestOutcome, IngestRequest, Known } from './types.js';

export interface IngestOptions {
  apps: Config['apps'];
  limits: Config['limits'];
  /** Reads what the fast reader leaves to it (`exact-reader.ts`). If it throws, nothing has been counted. */
  readExact: (json: Buffer) => EnvelopeOutcome;
  /** Where each app's events of the minute are counted. */
  windows?: Windows;
}

/**
 * Makes a function that takes requests in order of arrival, without I/O. The first check that fails answers:
 * the body's size, its encoding, its size once inflated; JSON, its depth, and the envelope; the app and its
 * key; the origin; the app's events a minute; the events, with `batch_id` and `sent_at`. What is `known` of a
 * request is not looked at again.
 */
export function createIngest(options: IngestOptions) {
  const { apps, limits, readExact, windows } = options;
  const keyring = createKeyring(apps);
  const limitEvents = createEventLimiter(limits.events_per_minute, windows);

  return (request: IngestRequest, known: Known = {}): IngestOutcome => {
    const decoded = known.json === undefined ? decodeBody(request, limits.body_bytes) : { json: known.json };
    if (decoded.refusal !== undefined) return decoded;

    const fast = readFast(decoded.json);
    const read = fast === undefined ? readExact(decoded.json) : { envelope: fast };
    if (read.refusal !== undefined) return read;
    const { envelope } = read;

    if (!isSame(envelope, known.credentials) && !keyring.opens(envelope.app, envelope.key)) {
      return { refusal: WRONG_KEY };
    }
    if (!keyring.allowsOrigin(envelope.app, request.origin)) {
      return refuse('origin_not_allowed', 'The app does not take events from this origin.');
    }
    // A batch without events costs about as much as one with a single event.
    const retryAfterS = limitEvents(envelope.app, Math.max(envelope.eventCount, 1), request.receivedAt);
    if (retryAfterS !== undefined) {
      const detail = tooManyEvents(envelope.eventCount, limits.events_per_minute);
      return { refusal: { code: 'rate_limited', detail, retryAfterS } };
    }
    const { content, refusal } = envelope.content();
    return refusal === undefined ? { batch: toBatch(envelope.app, content, request) } : { refusal };
  };
}

/** Whether the envelope has the credentials that were found to fit before. */
const isSame = ({ app, key }: Credentials, known: Credentials | undefined): boolean =>
  known !== undefined && known.app === app && known.key === key;

function toBatch(
  app: string,
  { columns, batchId, sentAt }: Content,
  { receivedAt }: IngestRequest,
): ColumnRequest {
  correctClocks(columns, { sentAt, receivedAt });
  const batch: ColumnRequest = { app, receivedAt, columns };
  // Without events a retry does no harm, so there is nothing to remember.
  if (batchId !== undefined && columns.ts.length > 0) batch.batchId = batchId;
  return batch;
}

function tooManyEvents(events: number, eventsPerMinute: number): string {
  const never = events > eventsPerMinute ? ' This batch alone holds more: send smaller ones.' : '';
  return `The app may send ${eventsPerMinute} events a minute.${never}`;
}

function refuse(code: Refusal['code'], detail: string): IngestOutcome {
  return { refusal: { code, detail } };
}
