/**
 * The bounded queue between HTTP and the engine: what arrives while some groups are on their way forms the next one.
 *
 * While the engine is away, groups fail and their requests are told to come again; what arrives faster than they fail fills the
 * queue, and the rest is turned away at once. The first group that succeeds is the recovery.
 */
import type { Config } from '../config/config.js';
import type { EventBatch } from '../domain/event.js';
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
import type { StoreStats, WritableStore } from '../store/port.js';

/** Groups on their way at once: enough that the engine always has one, few enough that they are large under load. */
const GROUPS_MAX = 4;

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
  batch: EventBatch;
  bytes: number;
  settle: (refusal: Refusal | undefined) => void;
}

export interface IngestQueue {
  ingest: Ingest;
  /** Takes events in by other settings from here on. */
  configure(settings: Pick<Config, 'apps' | 'limits'>): Promise<void>;
  sizes(): Pick<StoreStats, 'queue_requests' | 'queue_bytes'>;
  /** Settles when nothing waits. */
  idle(): Promise<void>;
}

export function openIngest(
  store: Pick<WritableStore, 'append'>,
  settings: Pick<Config, 'apps' | 'limits'>,
): IngestQueue {
  let check = createIngest({ ...settings, readExact });
  let waiting: Waiting[] = [];
  let requests = 0;
  let bytes = 0;
  let groups = 0;
  let onIdle: (() => void)[] = [];

  const isFull = ({ body }: IngestRequest): boolean =>
    requests >= QUEUE_REQUESTS_MAX || bytes + body.length > QUEUE_BYTES_MAX;

  const takeGroup = (): Waiting[] => {
    let size = 0;
    const end = waiting.findIndex((one, index) => {
      size += one.bytes;
      return index >= GROUP_REQUESTS_MAX || (index > 0 && size > GROUP_BODY_BYTES_MAX);
    });
    const group = end < 0 ? waiting : waiting.slice(0, end);
    waiting = end < 0 ? [] : waiting.slice(end);
    return group;
  };

  const send = async (group: readonly Waiting[]): Promise<void> => {
    const settled = await store.append(group.map(({ batch }) => batch));
    group.forEach((one, index) => {
      requests--;
      bytes -= one.bytes;
      one.settle(settled[index]?.status === 'fulfilled' ? undefined : AWAY);
    });
  };

  const pump = (): void => {
    while (groups < GROUPS_MAX && waiting.length > 0) {
      groups++;
      void send(takeGroup()).finally(() => {
        groups--;
        pump();
      });
    }
    if (requests > 0) return;
    for (const settle of onIdle) settle();
    onIdle = [];
  };

  return {
    ingest(request) {
      const { batch, refusal } = check(request);
      if (refusal) return Promise.resolve(refusal);
      if (isFull(request)) return Promise.resolve(FULL);
      requests++;
      bytes += request.body.length;
      return new Promise((settle) => {
        // The first of a turn sends what the turn brings.
        if (waiting.push({ batch: withEvents(batch), bytes: request.body.length, settle }) === 1)
          setImmediate(pump);
      });
    },
    async configure({ apps, limits }) {
      check = createIngest({ apps, limits, readExact });
    },
    sizes: () => ({ queue_requests: requests, queue_bytes: bytes }),
    idle: () =>
      new Promise((resolve) => {
        onIdle.push(resolve);
        pump();
      }),
  };
}
