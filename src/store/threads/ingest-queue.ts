/**
 * The bounded queue between the HTTP thread and the ingest thread: the raw requests of one turn are one
 * message. The ingest thread answers in the order of arrival, so the promises that wait here are a plain
 * queue too.
 */
import { QUEUE_BYTES_MAX, QUEUE_REQUESTS_MAX, RETRY_AFTER_S } from '../../domain/limits.js';
import type { Refusal } from '../../domain/problems.js';
import type { IngestOutcome, IngestRequest } from '../../ingest/types.js';
import type { IngestedMessage, IngestMessage } from './messages.js';

interface Waiting {
  bytes: number;
  resolve: (refusal: Refusal | undefined) => void;
}

const FULL: Refusal = {
  code: 'queue_full',
  detail: 'the write queue is full; try again',
  retryAfterS: RETRY_AFTER_S,
};

/** The requests of one turn as one message. */
function packTurn(requests: readonly IngestRequest[]): IngestMessage {
  let length = 0;
  for (const { body } of requests) length += body.length;
  const bytes = new Uint8Array(length);
  const message: IngestMessage = { kind: 'ingest', bytes, lengths: [], receivedAt: [], headers: [] };
  let at = 0;
  for (const { body, receivedAt, encoding, origin } of requests) {
    bytes.set(body, at);
    at += body.length;
    const count = message.lengths.push(body.length);
    message.receivedAt.push(receivedAt);
    if (encoding === undefined && origin === undefined) continue;
    message.headers.push([
      count - 1,
      { ...(encoding !== undefined && { encoding }), ...(origin !== undefined && { origin }) },
    ]);
  }
  return message;
}

/** Who waits for an answer, the oldest first. */
function openWaiting() {
  const waiting: Waiting[] = [];
  let head = 0;
  let bytes = 0;
  return {
    requests: () => waiting.length - head,
    bytes: () => bytes,
    push(one: Waiting): void {
      waiting.push(one);
      bytes += one.bytes;
    },
    /** Takes the oldest off; the array is cut now and then, not at every step. */
    shift(): Waiting | undefined {
      const first = waiting[head];
      if (!first) return undefined;
      bytes -= first.bytes;
      head++;
      if (head === waiting.length || head >= QUEUE_REQUESTS_MAX) {
        waiting.splice(0, head);
        head = 0;
      }
      return first;
    },
  };
}

/** `check` gives the request's outcome without the queue: a full queue is the last reason to refuse. */
export function openIngestQueue(
  post: (message: IngestMessage, transfer: ArrayBuffer[]) => void,
  check: (request: IngestRequest) => IngestOutcome,
) {
  const waiting = openWaiting();
  let turn: IngestRequest[] = [];
  let refusedBy: Refusal | undefined;
  let onIdle: (() => void)[] = [];

  const flush = (): void => {
    const message = packTurn(turn);
    turn = [];
    post(message, [message.bytes.buffer]);
  };
  const noteIdle = (): void => {
    if (waiting.requests() > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };

  return {
    ingest(request: IngestRequest): Promise<Refusal | undefined> {
      if (refusedBy) return Promise.resolve(refusedBy);
      const bytes = request.body.length;
      if (waiting.requests() >= QUEUE_REQUESTS_MAX || waiting.bytes() + bytes > QUEUE_BYTES_MAX) {
        return Promise.resolve(check(request).refusal ?? FULL);
      }
      return new Promise((resolve) => {
        waiting.push({ bytes, resolve });
        if (turn.push(request) === 1) setImmediate(flush);
      });
    },
    /** Answers the oldest requests. */
    answer({ count, refusals }: IngestedMessage): void {
      const byIndex = refusals.length > 0 ? new Map(refusals) : undefined;
      for (let index = 0; index < count; index++) waiting.shift()?.resolve(byIndex?.get(index));
      noteIdle();
    },
    /** Answers every request, waiting and to come, with the refusal. */
    refuseAll(refusal: Refusal): void {
      refusedBy = refusal;
      for (let next = waiting.shift(); next; next = waiting.shift()) next.resolve(refusal);
      noteIdle();
    },
    sizes: () => ({ queue_requests: waiting.requests(), queue_bytes: waiting.bytes() }),
    /** Settles when nothing waits. */
    idle: () =>
      new Promise<void>((resolve) => {
        onIdle.push(resolve);
        noteIdle();
      }),
  };
}
