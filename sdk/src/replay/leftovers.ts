/** Chunks that a page could not send before it went away, kept for the app's next page. */
import type { Chunk } from './chunk.js';
import { quietly } from './quietly.js';

/** An origin's local storage holds some 5 MB, and events are more important. */
const LEFTOVERS_LENGTH_MAX = 1_000_000;
/** Older chunks are not sent, as older events are not. */
const LEFTOVER_MS_MAX = 6 * 86_400_000;

export interface Leftovers {
  /** Keeps as many chunks as there is room for; keeping one again changes nothing. */
  keep(chunks: readonly Chunk[]): void;
  /** Removes a chunk that the collector has or refuses. */
  forget(chunk: Chunk): void;
  /** The chunks that other pages kept. Two tabs may send the same one: it has one number, so the second replaces the first. */
  all(): Chunk[];
}

/** Each chunk is one entry under `prefix`. Without storage, or room in it, nothing is kept. */
export function createLeftovers(prefix: string): Leftovers {
  const keyOf = ({ session, seq }: Chunk) => `${prefix}${session} ${seq}`;
  const keys = () => quietly(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix))) ?? [];
  return {
    keep: (chunks) => {
      let length = 0;
      quietly(() => {
        for (const key of keys()) length += localStorage.getItem(key)?.length ?? 0;
        for (const chunk of chunks) {
          if (localStorage.getItem(keyOf(chunk)) !== null) continue;
          const text = JSON.stringify(chunk);
          length += text.length;
          if (length <= LEFTOVERS_LENGTH_MAX) localStorage.setItem(keyOf(chunk), text);
        }
      });
    },
    forget: (chunk) => quietly(() => localStorage.removeItem(keyOf(chunk))),
    all: () =>
      keys().flatMap((key) => {
        const chunk = quietly<Chunk>(() => JSON.parse(localStorage.getItem(key) ?? ''));
        if (typeof chunk?.json === 'string' && Math.abs(Date.now() - chunk.ts) < LEFTOVER_MS_MAX)
          return chunk;
        quietly(() => localStorage.removeItem(key));
        return [];
      }),
  };
}
