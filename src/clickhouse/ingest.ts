/**
 * The bounded queue between HTTP and the engine: requests that arrive during inserts form the next insert.
 *
 * While the engine is down, inserts fail and their requests get a 503 with `Retry-After`. When the queue is
 * full, requests get a 503 at once. The first insert that succeeds ends this.
 */
import type { Config } from '../config/config.js';
import type { EventRequest } from '../domain/event.js';
import { withEvents } from '../domain/event-columns.js';
import {
  GROUP_BODY_BYTES_MAX,
  GROUP_REQUESTS_MAX,
  QUEUE_BYTES_MAX,
  QUEUE_REQUESTS_MAX,
  RETRY_AFTER_S,
} from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import { readExact } from '../ingest/exact-reader.js';
import { createIngest } from '../ingest/ingest.js';
import type { Ingest, IngestRequest } from '../ingest/types.js';
import type { WritableStore } from '../store/port.js';

/** Inserts at once: enough to keep the engine busy, few enough that they are large under load. */
const INSERTS_MAX = 4;

const FULL: Refusal = {
  code: 'queue_full',
  detail: 'the write queue is full; try again',
  retryAfterS: RETRY_AFTER_S,
};
const AWAY: Refusal = {
  code: 'not_accepting',
  detail: 'the engine that stores events does not answer; try again',
  retryAfterS: RETRY_AFTER_S,
};

interface Waiting {
  batch: EventRequest;
  bytes: number;
  resolve: (refusal: Refusal | undefined) => void;
}

type Settings = Pick<Config, 'apps' | 'limits'>;

export function openIngest(store: Pick<WritableStore, 'append'>, settings: Settings) {
  let check = createIngest({ ...settings, readExact });
  const waiting: Waiting[] = [];
  let requests = 0;
  let bytes = 0;
  let inserts = 0;
  let onIdle: (() => void)[] = [];

  const isFull = ({ body }: IngestRequest): boolean =>
    requests >= QUEUE_REQUESTS_MAX || bytes + body.length > QUEUE_BYTES_MAX;

  const takeRequests = (): Waiting[] => {
    let size = 0;
    const end = waiting.findIndex((one, index) => {
      size += one.bytes;
      return index >= GROUP_REQUESTS_MAX || (index > 0 && size > GROUP_BODY_BYTES_MAX);
    });
    return waiting.splice(0, end < 0 ? waiting.length : end);
  };

  const send = async (taken: readonly Waiting[]): Promise<void> => {
    const outcomes = await store.append(taken.map(({ batch }) => batch));
    taken.forEach((one, index) => {
      requests--;
      bytes -= one.bytes;
      one.resolve(outcomes[index]?.status === 'fulfilled' ? undefined : AWAY);
    });
  };

  const pump = (): void => {
    while (inserts < INSERTS_MAX && waiting.length > 0) {
      inserts++;
      void send(takeRequests()).finally(() => {
        inserts--;
        pump();
      });
    }
    if (requests > 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  };

  return {
    ingest(request: IngestRequest): ReturnType<Ingest> {
      const { batch, refusal } = check(request);
      if (refusal) return Promise.resolve(refusal);
      if (isFull(request)) return Promise.resolve(FULL);
      requests++;
      bytes += request.body.length;
      return new Promise((resolve) => {
        // The insert begins after this turn of the event loop, with all requests of the turn.
        if (waiting.push({ batch: withEvents(batch), bytes: request.body.length, resolve }) === 1)
          setImmediate(pump);
      });
    },
    /** Replaces the settings for the requests that follow. */
    async configure({ apps, limits }: Settings): Promise<void> {
      check = createIngest({ apps, limits, readExact });
    },
    sizes: () => ({ queue_requests: requests, queue_bytes: bytes }),
    /** Resolves when nothing waits and no insert is under way. */
    idle: () =>
      new Promise<void>((resolve) => {
        onIdle.push(resolve);
        pump();
      }),
  };
}
