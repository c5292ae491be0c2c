/** Sends the batches of a queue, one at a time and oldest first, until each has a final answer. */
import { ASKED_MS_MAX, pause } from './backoff.js';
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

export interface DeliveryDeps {
  endpoint: string;
  app: string;
  key: string;
  fetch: typeof fetch;
  queue: Queue;
  /** Counts events that are given up. */
  drop(count: number): void;
  /** Called when the collector has taken a batch. */
  stored(): void;
}

const BATCH_MS = 5_000;
/** No answer for so long is as good as none. */
const ANSWER_MS = 30_000;
/** Browsers let a page that is left send 64 KB in all, what is under way counted; more they refuse, and it waits. */
const LEAVE_CHARS = 60_000;

export function createDelivery(deps: DeliveryDeps): Delivery {
  const { endpoint, app, key, fetch, queue, drop, stored } = deps;
  const url = `${endpoint}/v1/events`;
  let attempt = 0;
  /** When the collector lets us come back, by the page's own clock: the system's may be set back meanwhile. */
  let notBefore = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pumping: Promise<void> | undefined;
  /** What is under way from a page that is going away, or was about to. */
  const leaving = new Set<Batch>();
  let warned = false;
  let stopped = false;

  const bodyOf = ({ id, events }: Batch) => {
    const head = JSON.stringify({ app, key, batch_id: id, sent_at: Date.now() });
    return `${head.slice(0, -1)},"events":[${events.join()}]}`;
  };

  /** Gives up events of a batch for good; `parts` of it go on. */
  const refuse = (batch: Batch, status: number, count: number, parts?: string[][]) => {
    if (!queue.settle(batch, parts) || !count) return;
    drop(count);
    if (!warned) console.warn(`spyglass: events refused (${status})`);
    warned = true;
  };

  /** Tries once. Whether the batch must be sent again, and then after how many ms at least. */
  const send = async (batch: Batch, keepalive: boolean): Promise<number | undefined> => {
    try {
      const response = await fetch(url, {
        method: 'POST',
        body: bodyOf(batch),
        keepalive,
        credentials: 'omit',
        signal: AbortSignal.timeout?.(ANSWER_MS),
      });
      const { status } = response;
      // Nothing else is the collector's word: a proxy's login page is a 200.
      if (status === 204) {
        batch.stored = true;
        queue.settle(batch);
        stored();
      } else if (status === 400 || status === 413) {
        const { divide } = await import('./divide.js');
        const { refused, parts } = await divide(batch, response);
        refuse(batch, status, refused, parts);
      } else if (status === 401 || status === 403) refuse(batch, status, batch.events.length);
      else {
        const askedMs = Math.min(Number(response.headers.get('Retry-After')) * 1_000, ASKED_MS_MAX);
        notBefore = performance.now() + askedMs;
        return askedMs;
      }
      return undefined;
    } catch {
      return 0;
    }
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
      const batch = queue.closed().find((batch) => !leaving.has(batch));
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
        room -= batch.chars;
        if (room < 0 || leaving.has(batch)) continue;
        leaving.add(batch);
        send(batch, true).finally(() => leaving.delete(batch));
      }
      // Should the page stay after all.
      if (!timer) plan(BATCH_MS);
    },
    congested: () => attempt > 0 || queue.closed().length > 2,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
