/** Sends the batches of a queue, one at a time and oldest first, until each has a final answer. */
import { ASKED_MS_MAX, pause } from './backoff.js';
import type { Dropped } from './dropped.js';
import { BATCH_EVENTS, type Batch, type Queue } from './queue.js';

export interface Delivery {
  /** Queues an event, JSON on one line; sent with the batch it fills, or soon. */
  take(event: string): void;
  /** Queues an event and sends at once: true once the collector has it, false when it was refused or is kept for later. */
  deliver(event: string): Promise<boolean>;
  /** Sends what is queued; settles when that has been tried. */
  flush(): Promise<void>;
  /** Sends what a page that is going away may send. */
  leave(): void;
  /** Whether events wait for longer than they should. */
  congested(): boolean;
  /** Ends what is planned; what is under way goes on. */
  stop(): void;
}

export interface DeliveryDeps extends Dropped {
  endpoint: string;
  app: string;
  key: string;
  fetch: typeof fetch;
  queue: Queue;
}

const BATCH_MS = 5_000;
/** No answer for so long is as good as none. */
const ANSWER_MS = 30_000;
/** Browsers let a page that is left send 64 KB in all, what is under way counted; more they refuse, and it waits. */
const LEAVE_CHARS = 60_000;

export function createDelivery(deps: DeliveryDeps): Delivery {
  const { queue } = deps;
  let attempt = 0;
  /** When the collector lets us come back, by the page's own clock: the system's may be set back meanwhile. */
  let notBefore = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pumping: Promise<void> | undefined;
  let stopped = false;

  const send = async (batch: Batch, keepalive: boolean) => {
    const askedMs = await tryOnce(deps, batch, keepalive);
    if (askedMs) notBefore = performance.now() + askedMs;
    return askedMs;
  };

  const plan = (ms: number) => {
    clearTimeout(timer);
    if (!stopped) {
      timer = setTimeout(() => {
        timer = undefined;
        flush();
      }, ms);
    }
  };

  const pump = async () => {
    for (;;) {
      const batch = nextOf(queue);
      if (!batch) break;
      const askedMs = await send(batch, false);
      if (askedMs === undefined) attempt = 0;
      else {
        plan(pause(attempt++, askedMs));
        break;
      }
    }
    pumping = undefined;
  };

  const flush = async () => {
    queue.close();
    const waitMs = notBefore - performance.now();
    if (waitMs > 0) {
      if (!timer) plan(waitMs);
      return;
    }
    pumping ??= Promise.resolve().then(pump);
    await pumping;
  };

  return {
    flush,
    take(event) {
      const { events } = queue.add(event);
      if (events.length >= BATCH_EVENTS) {
        queue.close();
        if (!attempt) flush();
      } else if (!timer) plan(BATCH_MS);
    },
    async deliver(event) {
      queue.close();
      const batch = queue.add(event);
      await flush();
      return batch.stored === true;
    },
    leave() {
      queue.close();
      if (performance.now() < notBefore) return;
      let room = LEAVE_CHARS;
      for (const batch of queue.closed()) {
        room -= batch.length;
        if (room < 0 || batch.leaving) continue;
        batch.leaving = true;
        send(batch, true).finally(() => {
          batch.leaving = false;
        });
      }
      // Should the page stay after all.
      if (!timer) plan(BATCH_MS);
    },
    congested: () => queue.closed().filter(({ blocked }) => !blocked).length > (attempt ? 0 : 2),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** The oldest. What somebody in between refuses, maybe for what it says, lets the others pass. */
function nextOf(queue: Queue): Batch | undefined {
  const batches = queue.closed().filter(({ leaving }) => !leaving);
  return batches.sort((a, b) => a.blocked - b.blocked)[0];
}

/** Whether the batch must be sent again, and then after how many ms at least. */
async function tryOnce(deps: DeliveryDeps, batch: Batch, keepalive: boolean): Promise<number | undefined> {
  const { endpoint, app, key, fetch, queue, stored } = deps;
  const head = JSON.stringify({ app, key, batch_id: batch.id, sent_at: Date.now() });
  batch.sent++;
  batch.underway++;
  try {
    const response = await fetch(`${endpoint}/v1/events`, {
      method: 'POST',
      body: `${head.slice(0, -1)},"events":[${batch.events.join()}]}`,
      keepalive,
      credentials: 'omit',
      signal: AbortSignal.timeout?.(ANSWER_MS),
    });
    const { status, headers } = response;
    // Nothing else is the collector's word: a proxy's login page is a 200.
    if (status === 204) {
      batch.stored = true;
      queue.settle(batch);
      stored();
      return undefined;
    }
    if (status === 400 || status === 401 || status === 403 || status === 413) {
      batch.blocked++;
      if (await (await import('./divide.js')).refuse(deps, batch, response)) return undefined;
    }
    return Math.min(Number(headers.get('Retry-After')) * 1_000, ASKED_MS_MAX);
  } catch {
    return 0;
  } finally {
    batch.underway--;
  }
}
