/** The live feed, read for as long as anybody listens: a stream that breaks is taken up again where it was. */
import { ClientError, ForeignAnswerError, ProblemError, UnreachableError } from './errors.js';
import type { Event } from './types.js';

/** `after` resumes the feed behind the message. */
export type LiveMessage =
  /** An event was stored. */
  | { kind: 'event'; event: Event; after: number }
  /** All that matches up to here has been told: sent as the feed has caught up, and every few seconds. */
  | { kind: 'position'; after: number }
  /** Events are gone before they could be told: what was listed has to be listed again. */
  | { kind: 'reset'; after: number }
  /** The stream broke, and is opened again in `retryMs`. */
  | { kind: 'lost'; error: ClientError; retryMs: number };
type Told = Exclude<LiveMessage, { kind: 'lost' }>;

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;
/** The collector says where it is every five seconds: a stream that is silent for so long is dead. */
const SILENCE_MS = 20_000;

/** Follows the stream that `open` opens behind an id. Ends when `signal` aborts; throws where trying again is of no use. */
export async function* follow(
  open: (after: number | undefined) => Promise<Response>,
  begin: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<LiveMessage, void> {
  let after = begin;
  let retryMs = RETRY_MS_MIN;
  while (!signal?.aborted) {
    let error: ClientError = new UnreachableError('the stream ended');
    try {
      for await (const message of messagesOf(await open(after))) {
        if (signal?.aborted) return;
        ({ after } = message);
        retryMs = RETRY_MS_MIN;
        yield message;
      }
    } catch (reason) {
      if (!signal?.aborted && (!(reason instanceof ClientError) || isFinal(reason))) throw reason;
      if (reason instanceof ClientError) error = reason;
    }
    if (signal?.aborted) return;
    const askedMs = error instanceof ProblemError ? (error.retryAfterS ?? 0) * 1_000 : 0;
    const waitMs = Math.max(retryMs, askedMs);
    yield { kind: 'lost', error, retryMs: waitMs };
    await pause(waitMs, signal);
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  }
}

/** A wrong password or filter stays wrong. */
const isFinal = (error: ClientError): boolean =>
  error instanceof ProblemError && error.status < 500 && error.retryAfterS === undefined;

async function* messagesOf(answer: Response): AsyncGenerator<Told, void> {
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream'))
    throw new ForeignAnswerError(answer.status);
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  const hangUp = () => void reader?.cancel().catch(() => {});
  try {
    while (reader !== undefined) {
      const timer = setTimeout(hangUp, SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      const frames = (text + decoder.decode(value, { stream: true })).split('\n\n');
      text = frames.pop() ?? '';
      yield* frames.flatMap(messageOf);
    }
  } catch (cause) {
    throw new UnreachableError(cause);
  } finally {
    hangUp();
  }
}

/** What a frame of the stream says. */
function messageOf(frame: string): Told[] {
  const { id, event, data }: Record<string, string | undefined> = Object.fromEntries(
    frame.split('\n').map((line) => line.split(/: ?(.*)/, 2)),
  );
  if (event === 'reset' && data !== undefined) {
    const { head }: { head: number } = JSON.parse(data);
    return [{ kind: 'reset', after: head }];
  }
  if (id === undefined) return [];
  if (data === undefined) return [{ kind: 'position', after: Number(id) }];
  return [{ kind: 'event', event: JSON.parse(data), after: Number(id) }];
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
