/** Requests that did not show their key: few of them wait, and get what time nobody else wants. */
import { KEYLESS_MS, KEYLESS_PAUSE_FACTOR, KEYLESS_REQUESTS_MAX, QUEUE_BYTES_MAX } from '../domain/limits.js';
import { openRoom } from './room.js';
import type { IngestRequest } from './types.js';

interface KeylessRequest {
  request: IngestRequest;
  sender: number;
}

/** `search` gets one request after the other, while `mayRun` says that nobody else waits. */
export function openKeyless<Entry extends KeylessRequest>(
  search: (entry: Entry) => void,
  mayRun: () => boolean,
) {
  const room = openRoom<number>({ requests: KEYLESS_REQUESTS_MAX, bytes: QUEUE_BYTES_MAX });
  let waiting: Entry[] = [];
  let timer: NodeJS.Timeout | undefined;
  let dueAt = 0;
  const run = (): void => {
    timer = undefined;
    const start = performance.now();
    let spent = 0;
    while (waiting.length > 0 && mayRun() && spent < KEYLESS_MS) {
      const [entry] = waiting.splice(0, 1);
      if (entry === undefined) break;
      room.leave(entry.sender, entry.request.body.length);
      search(entry);
      spent = performance.now() - start;
    }
    dueAt = start + spent * (1 + KEYLESS_PAUSE_FACTOR);
    soon();
  };
  /** To be called whenever it may run again. */
  const soon = (): void => {
    if (timer !== undefined || waiting.length === 0 || !mayRun()) return;
    timer = setTimeout(run, Math.max(dueAt - performance.now(), 0));
  };
  return {
    soon,
    /** Whether there was room for it. */
    push(entry: Entry): boolean {
      const { body } = entry.request;
      if (!room.take(entry.sender, body.length)) return false;
      // Its own memory: a part of a message would hold all of the message.
      entry.request.body = body.slice();
      waiting.push(entry);
      soon();
      return true;
    },
    clear(): void {
      waiting = [];
    },
  };
}
