/**
 * The writer thread: parses raw requests, commits what is valid in groups, and answers calls on the write side.
 *
 * Whatever arrives while a commit waits for the disk forms the next group: no timer ever holds a request back.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { EventBatch } from '../../event.js';
import { sharedWindows } from '../../ingest/event-limiter.js';
import { createIngest } from '../../ingest/ingest.js';
import type { IngestOutcome, Refusal } from '../../ingest/types.js';
import { RETRY_AFTER_S } from '../../limits.js';
import { openWriteSide, type WriteSide } from '../engine.js';
import { StoreFailed } from '../store.js';
import type { Settled } from '../writer.js';
import type { FromWriter, IngestMessage, WriterData } from './messages.js';
import { answer, type Call, toPlain } from './rpc.js';

if (!parentPort) throw new Error('the writer thread must be started by openStore');
const port = parentPort;
const post = (message: FromWriter): void => port.postMessage(message);
const { dataDir, apps, limits, windowMemory } = workerData as WriterData;

function open(): WriteSide | undefined {
  try {
    return openWriteSide(dataDir, {
      onProgress: (progress) => post({ kind: 'progress', progress }),
      onFailure: (error) => post({ kind: 'failed', error: toPlain(error) }),
    });
  } catch (error) {
    post({ kind: 'unusable', error: toPlain(error) });
    return undefined;
  }
}

function refuse({ error }: { error: Error }): Refusal {
  if (error instanceof StoreFailed) {
    return { code: 'not_accepting', detail: error.message, retryAfterS: RETRY_AFTER_S };
  }
  return { code: 'internal', detail: 'the batch could not be stored' };
}

function* requestsOf(message: IngestMessage) {
  let at = 0;
  for (const { length, encoding, origin, receivedAt } of message.requests) {
    const body = message.bytes.subarray(at, at + length);
    at += length;
    yield {
      body,
      receivedAt,
      ...(encoding === undefined ? {} : { encoding }),
      ...(origin === undefined ? {} : { origin }),
    };
  }
}

function serve(write: WriteSide): void {
  const ingest = createIngest({ apps, limits, windows: sharedWindows(Object.keys(apps), windowMemory) });
  const waiting: IngestMessage[] = [];

  const parse = (request: Parameters<typeof ingest>[0]): IngestOutcome => {
    try {
      return ingest(request);
    } catch {
      return { refusal: { code: 'internal', detail: 'the batch could not be read' } };
    }
  };

  const drain = (): void => {
    const group: EventBatch[] = [];
    const places: number[] = [];
    const refusals: [number, Refusal][] = [];
    let count = 0;
    for (const message of waiting.splice(0)) {
      for (const request of requestsOf(message)) {
        const { batch, refusal } = parse(request);
        if (refusal) refusals.push([count, refusal]);
        else {
          group.push(batch);
          places.push(count);
        }
        count++;
      }
    }
    const settled: Settled[] = group.length > 0 ? write.commit(group) : [];
    settled.forEach((one, index) => {
      if ('error' in one) refusals.push([places[index] ?? 0, refuse(one)]);
    });
    post({ kind: 'ingested', count, refusals, head: write.head() });
  };

  const calls = {
    ...write,
    commit(group: readonly EventBatch[]): unknown {
      const settled = write.commit(group);
      post({ kind: 'committed', head: write.head() });
      return settled.map((one) => ('error' in one ? { error: toPlain(one.error) } : one));
    },
  };

  port.on('message', (message: IngestMessage | Call) => {
    if (message.kind === 'call') {
      void answer(calls, message).then(post);
      return;
    }
    waiting.push(message);
    if (waiting.length === 1) setImmediate(drain);
  });
  post({ kind: 'ready', head: write.head() });
}

const write = open();
if (write) serve(write);
