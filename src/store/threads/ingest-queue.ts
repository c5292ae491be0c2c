/**
 * The bounded queue between the HTTP thread and the ingest thread: raw requests of one turn travel as one message.
 *
 * The ingest thread answers in the order of arrival, so the promises waiting here are a plain queue too.
 */

import { QUEUE_BYTES_MAX, QUEUE_REQUESTS_MAX, RETRY_AFTER_S } from '../../domain/limits.js';
import type { Refusal } from '../../domain/problems.js';
import type { IngestOutcome, IngestRequest } from '../../ingest/types.js';
import type { IngestedMessage, IngestMessage } from './messages.js';

export interface IngestQueue {
  ingest(request: IngestRequest): Promise<Refusal | undefined>;
  /** Answers the oldest requests. */
  answer(message: IngestedMessage): void;
  /** Answers every request, waiting and to come, with the refusal. */
  refuseAll(refusal: Refusal): void;
  sizes(): { queue_requests: number; queue_bytes: number };
  /** Settles when nothing waits. */
  idle(): Promise<void>;
}

interface Waiting {
  bytes: number;
  resolve: (refusal: Refusal | undefined) => void;
}

const FULL: Refusal = {
  code: 'queue_full',
  detail: 'the write queue is full; try again',
  retryAfterS: RETRY_AFTER_S,
};

/** `check` tells what the request would come to but for the queue: a full queue is the last reason to refuse. */
export function openIngestQueue(
  post: (message: IngestMessage, transfer: ArrayBuffer[]) => void,
  check: (request: IngestRequest) => IngestOutcome,
): IngestQueue {
  const waiting: Waiting[] = [];
  let head = 0;
  let queuedBytes = 0;
  let turn: IngestRequest[] = [];
  let refusedBy: Refusal | undefined;
  let onIdle: (() => void)[] = [];

  const queued = (): number => waiting.length - head;

  const flush = (): void => {
    const requests = turn;
    turn = [];
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
    post(message, [bytes.buffer]);
  };

  /** Takes the oldest off the queue; the array is cut now and then, not at every step. */
  const shift = (): Waiting | undefined => {
    const first = waiting[head];
    if (!first) return undefined;
    queuedBytes -= first.bytes;
    head++;
    if (head === waiting.length) {
      waiting.length = 0;
      head = 0;
    } else if (head >= QUEUE_REQUESTS_MAX) {
      waiting.splice(0, head);
      head = 0;
    }
    return first;
  };

  const noteIdle = (): void => {
    if (queued() > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };

  return {
    ingest(request) {
      if (refusedBy) return Promise.resolve(refusedBy);
      if (queued() >= QUEUE_REQUESTS_MAX || queuedBytes + request.body.length > QUEUE_BYTES_MAX) {
        return Promise.resolve(check(request).refusal ?? FULL);
      }
      return new Promise((resolve) => {
        waiting.push({ bytes: request.body.length, resolve });
        queuedBytes += request.body.length;
        if (turn.push(request) === 1) setImmediate(flush);
      });
    },
    answer({ count, refusals }) {
      const byIndex = refusals.length > 0 ? new Map(refusals) : undefined;
      for (let index = 0; index < count; index++) shift()?.resolve(byIndex?.get(index));
      noteIdle();
    },
    refuseAll(refusal) {
      refusedBy = refusal;
      for (let next = shift(); next; next = shift()) next.resolve(refusal);
      noteIdle();
    },
    sizes: () => ({ queue_requests: queued(), queue_bytes: queuedBytes }),
    idle: () =>
      new Promise((resolve) => {
        onIdle.push(resolve);
        noteIdle();
      }),
  };
}
