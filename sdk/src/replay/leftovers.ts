/** Chunks that a page could not hand over before it went away, kept for the next page of the app. */

import type { Chunk } from './chunk.js';
import { quietly } from './quietly.js';

/** Local storage holds some 5 MB for all of an origin, and events matter more. */
const LEFTOVERS_LENGTH_MAX = 1_000_000;
/** A chunk this old is no longer sent, as events are not. */
const LEFTOVER_MS_MAX = 6 * 86_400_000;

export interface Leftovers {
  /** Keeps the chunks, as many as there is room for; kept again they are not kept twice. */
  keep(chunks: readonly Chunk[]): void;
  /** Forgets a chunk that the collector has, or will not take. */
  forget(chunk: Chunk): void;
  /**
   * The chunks that other pages kept. Two tabs may both send one: it has the same number, so the second merely
   * replaces the first.
   */
  all(): Chunk[];
}

/** Each chunk is an entry of its own under `prefix`. Without storage, or room in it, nothing is kept. */
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
