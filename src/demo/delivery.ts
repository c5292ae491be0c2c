/** Sends made-up requests to a collector over HTTP: a few at a time, with retries. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoBatch } from './month.js';
import type { DemoChunk } from './recording.js';

export interface Target {
  /** `http://host:port`. */
  url: string;
  app: string;
  key: string;
}

/** The collector refused the data, or did not answer after retries; the message is for the operator. */
export class NotDelivered extends Error {
  override name = 'NotDelivered';
  /** The collector answered, and will not take it later either. */
  readonly isRefused: boolean;

  constructor(message: string, isRefused: boolean) {
    super(message);
    this.isRefused = isRefused;
  }
}

const ATTEMPTS_MAX = 8;
const BACKOFF_MS = 250;
const RETRY_STATUSES = new Set([429, 500, 502, 503, 504]);

/** Runs `send` over the items in order, `concurrency` at a time; rejects with the first failure. */
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

/** Resolves once the batch is stored; the `batch_id` makes retries safe. Throws `NotDelivered`, or an `AbortError` once stopped. */
export function sendBatch({ url, app, key }: Target, batch: DemoBatch, stopped?: AbortSignal): Promise<void> {
  const body = JSON.stringify({ app, key, batch_id: batch.batchId, events: batch.events });
  return post(`${url}/v1/events`, { body, headers: { 'Content-Type': 'application/json' } }, stopped);
}

/** Resolves once the chunk is stored; a retry replaces it with itself. Throws `NotDelivered`. */
export function sendChunk({ url, app, key }: Target, chunk: DemoChunk): Promise<void> {
  const query = new URLSearchParams({ session: chunk.session, seq: `${chunk.seq}`, ts: `${chunk.ts}`, app });
  const headers = { 'Content-Type': 'application/octet-stream', 'X-Spyglass-Key': key };
  return post(`${url}/v1/replay?${query}`, { body: chunk.bytes, headers });
}

async function post(
  url: string,
  init: { body: string | Uint8Array; headers: Record<string, string> },
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(url, { method: 'POST', ...init, ...(signal && { signal }) }).catch(
      (error: Error) => error,
    );
    signal?.throwIfAborted();
    if (!(answer instanceof Error) && answer.ok) return void (await answer.arrayBuffer());
    const isFinal = !(answer instanceof Error) && !RETRY_STATUSES.has(answer.status);
    if (isFinal || attempt === ATTEMPTS_MAX)
      throw new NotDelivered(
        `${new URL(url).origin} did not take the data: ${await reasonOf(answer)}`,
        isFinal,
      );
    const seconds = answer instanceof Error ? 0 : Number(answer.headers.get('Retry-After') ?? 0);
    await sleep(Math.max(seconds * 1_000, BACKOFF_MS * attempt), undefined, { signal });
  }
}

/** `fetch` puts the reason of a failure into the error's cause. */
async function reasonOf(answer: Response | Error): Promise<string> {
  if (!(answer instanceof Error)) return `${answer.status} ${await answer.text()}`;
  return answer.cause instanceof Error ? answer.cause.message : answer.message;
}
