/**
 * The bounded queue between HTTP and the engine. A thread of its own reads the bodies; what is valid comes back
 * here to be inserted.
 *
 * While the engine is down, inserts fail and their requests get a 503 with `Retry-After`. When the queue is
 * full, requests get a 503 at once. The first insert that succeeds ends this.
 */
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/config.js';
import type { EventRequest } from '../domain/event.js';
import { INGEST_HEAP_MB, RETRY_AFTER_S, YOUNG_GENERATION_MB } from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import { createDoor } from '../ingest/door.js';
import type { IngestMessage } from '../ingest/messages.js';
import { openIngestQueue } from '../ingest/queue.js';
import { StoreFailed, type WritableStore } from '../store/port.js';
import { FenceAhead } from './numbering.js';

type Settings = Pick<Config, 'apps' | 'limits'>;

export interface IntakeData extends Settings {
  /** Of `openIngestQueue`. */
  gone: Uint8Array;
}

/** `inserted`: a group that came with batches is done with. */
export type ToIntake = IngestMessage | { kind: 'configure'; settings: Settings } | { kind: 'inserted' };

/** Requests to be refused, and valid ones by the places that they hold in the queue. */
interface Read {
  kind: 'read';
  refusals: [place: number, refusal: Refusal][];
  places: number[];
  batches: EventRequest[];
}
export type FromIntake = Read | { kind: 'error'; text: string };

const AWAY: Refusal = {
  code: 'not_accepting',
  detail: 'the engine that stores events does not answer; try again',
  retryAfterS: RETRY_AFTER_S,
};

const refusalOf = (reason: unknown): Refusal =>
  reason instanceof FenceAhead ? { ...AWAY, detail: reason.message } : AWAY;

/** `onError` gets what the operator is to be told. */
export function openIngest(
  store: Pick<WritableStore, 'append'>,
  settings: Settings,
  onError: (text: string) => void = () => {},
) {
  const { apps, limits } = settings;
  let door = createDoor(settings);
  const queue = openIngestQueue(
    (message, transfer) => thread.postMessage(message, transfer),
    limits.body_bytes,
    (request) => door.showsKeyAtStart(request),
  );
  const workerData: IntakeData = { apps, limits, gone: queue.gone };
  const thread = new Worker(new URL('./intake-thread.js', import.meta.url), {
    name: 'intake',
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: INGEST_HEAP_MB, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const tell = (message: ToIntake): void => thread.postMessage(message);

  const insert = async (places: number[], batches: readonly EventRequest[]): Promise<void> => {
    const outcomes = await store.append(batches).catch(() => []);
    const refusals = places.flatMap((place, index): Read['refusals'] => {
      const outcome = outcomes[index];
      return outcome?.status === 'fulfilled' ? [] : [[place, refusalOf(outcome?.reason)]];
    });
    queue.answer({ places, refusals });
    tell({ kind: 'inserted' });
  };
  thread.on('message', (message: FromIntake) => {
    if (message.kind === 'error') {
      onError(message.text);
      return;
    }
    const { refusals, places, batches } = message;
    if (refusals.length > 0) queue.answer({ places: [], refusals });
    if (places.length > 0) void insert(places, batches);
  });

  /** Settles when the thread ends by itself: nothing is taken in any more. */
  const failed = new Promise<Error>((resolve) => {
    const end = (error: Error): void => {
      queue.refuseAll(AWAY);
      resolve(new StoreFailed(`the intake thread ended: ${error.message}`, { cause: error }));
    };
    thread.once('error', end);
    thread.once('exit', (code) => end(new Error(`exit code ${code}`)));
  });

  return {
    ingest: queue.ingest,
    failed,
    /** Replaces the settings for the requests that follow. */
    async configure({ apps, limits }: Settings): Promise<void> {
      door = createDoor({ apps, limits });
      tell({ kind: 'configure', settings: { apps, limits } });
    },
    sizes: queue.sizes,
    /** Ends the thread once nothing waits and no insert is under way. */
    async close(): Promise<void> {
      await queue.idle();
      thread.removeAllListeners('exit');
      await thread.terminate();
    },
  };
}
