/** From the bytes of a `POST /v1/events` to a valid batch, or to the reason for turning it away. */
import type { AppConfig, Config } from '../config/config.js';
import type { ColumnBatch } from '../domain/event-columns.js';
import type { Refusal } from '../domain/problems.js';
import { decodeBody } from './body.js';
import { settleClocks } from './clock.js';
import type { Content, Envelope, EnvelopeOutcome } from './content.js';
import { createEventLimiter, type Windows } from './event-limiter.js';
import { readFast } from './fast-reader.js';
import { createKeyring } from './keyring.js';
import type { IngestOutcome, IngestRequest } from './types.js';

export interface IngestOptions {
  apps: Readonly<Record<string, AppConfig>>;
  limits: Config['limits'];
  /** Reads what the fast reader leaves to it (`exact-reader.ts`). What it throws is thrown before anything is counted. */
  readExact: (json: Buffer) => EnvelopeOutcome;
  /** Where the events of the minute are counted, when not in this function alone. */
  windows?: Windows;
}

/**
 * The step before the store. What it returns takes one request, in order of arrival, and does no I/O; all it remembers is
 * how many events each app has sent within the minute, by the requests' own times. The first check that fails answers:
 *
 * 1. the body's size, its encoding, its size again once inflated;
 * 2. JSON, its depth, and the envelope;
 * 3. the app and its key;
 * 4. the origin;
 * 5. the app's events a minute;
 * 6. the events, with `batch_id` and `sent_at`.
 */
export function createIngest({
  apps,
  limits,
  readExact,
  windows,
}: IngestOptions): (request: IngestRequest) => IngestOutcome {
  const keyring = createKeyring(apps);
  const limitEvents = createEventLimiter(limits.events_per_minute, windows);

  return (request) => {
    const decoded = decodeBody(request, limits.body_bytes);
    if (decoded.refusal !== undefined) return decoded;

    const fast = readFast(decoded.json);
    const read = fast === undefined ? readExact(decoded.json) : { envelope: fast };
    if (read.refusal !== undefined) return read;
    const { envelope } = read;

    if (!keyring.opens(envelope.app, envelope.key)) {
      return refuse({ code: 'unauthorized_app', detail: 'No such app, or not its key.' });
    }
    if (!keyring.allowsOrigin(envelope.app, request.origin)) {
      return refuse({ code: 'origin_not_allowed', detail: 'The app does not take events from this origin.' });
    }
    const retryAfterS = limitEvents(envelope.app, envelope.eventCount, request.receivedAt);
    if (retryAfterS !== undefined) {
      return refuse(tooManyEvents(envelope, limits.events_per_minute, retryAfterS));
    }
    const { content, refusal } = envelope.content();
    return refusal === undefined ? { batch: toBatch(envelope.app, content, request) } : { refusal };
  };
}

function toBatch(
  app: string,
  { columns, batchId, sentAt }: Content,
  { receivedAt }: IngestRequest,
): ColumnBatch {
  settleClocks(columns, sentAt === undefined ? { receivedAt } : { sentAt, receivedAt });
  const batch: ColumnBatch = { app, receivedAt, columns };
  if (batchId !== undefined) batch.batchId = batchId;
  return batch;
}

function tooManyEvents(envelope: Envelope, eventsPerMinute: number, retryAfterS: number): Refusal {
  const never =
    envelope.eventCount > eventsPerMinute ? ' This batch alone holds more: send smaller ones.' : '';
  const detail = `The app may send ${eventsPerMinute} events a minute.${never}`;
  return { code: 'rate_limited', detail, retryAfterS };
}

function refuse(refusal: Refusal): IngestOutcome {
  return { refusal };
}
