/** Sends made-up requests to a collector over HTTP: a few at a time, again where that is safe and may help. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure } from '../cli/failure.js';
import type { DemoBatch } from './month.js';
import type { DemoChunk } from './recording.js';

export interface Target {
  /** `http://host:port`. */
  url: string;
  app: string;
  key: string;
}

const ATTEMPTS_MAX = 8;
const BACKOFF_MS = 250;
const RETRY_STATUSES = new Set([429, 500, 502, 503, 504]);

/** Runs `send` over the items, `concurrency` at a time, in their order; the first failure ends it. */
export async function eachOf<T>(
  items: readonly T[],
  concurrency: number,
  send: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items.values();
  const lane = async () => {
    for (const item of iterator) await send(item);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

/** Settles once the batch is stored; its `batch_id` makes sending it again harmless. */
export function sendBatch({ url, app, key }: Target, batch: DemoBatch): Promise<void> {
  const body = JSON.stringify({ app, key, batch_id: batch.batchId, events: batch.events });
  return post(`${url}/v1/events`, { body, headers: { 'Content-Type': 'application/json' } });
}

/** Settles once the chunk is stored; sending it again replaces it with itself. */
export function sendChunk({ url, app, key }: Target, chunk: DemoChunk): Promise<void> {
  const query = new URLSearchParams({ session: chunk.session, seq: `${chunk.seq}`, ts: `${chunk.ts}`, app });
  const headers = { 'Content-Type': 'application/octet-stream', 'X-Spyglass-Key': key };
  return post(`${url}/v1/replay?${query}`, { body: chunk.bytes, headers });
}

async function post(
  url: string,
  init: { body: string | Uint8Array; headers: Record<string, string> },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(url, { method: 'POST', ...init }).catch((error: Error) => error);
    if (!(answer instanceof Error) && answer.ok) return void (await answer.arrayBuffer());
    const reason = answer instanceof Error ? describe(answer) : `${answer.status} ${await answer.text()}`;
    const mayHelp = answer instanceof Error || RETRY_STATUSES.has(answer.status);
    if (!mayHelp || attempt === ATTEMPTS_MAX)
      throw new CommandFailure(`${new URL(url).origin} did not take the data: ${reason}`);
    const seconds = answer instanceof Error ? 0 : Number(answer.headers.get('Retry-After') ?? 0);
    await sleep(Math.max(seconds * 1_000, BACKOFF_MS * attempt));
  }
}

/** `fetch` hides why it failed in the cause. */
function describe(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}
