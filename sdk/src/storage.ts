/** Storage that cannot fail: what the browser refuses or has no room for is kept in memory. */
import { attempt } from './attempt.js';

export interface Shelf {
  /** Null when there is nothing under the key. */
  get(key: string): string | null;
  set(key: string, text: string): void;
  remove(key: string): void;
  keys(): string[];
}

/** `open` returns the real storage, and may throw, as browsers do when a page is denied its storage. */
export function createShelf(open: () => Storage): Shelf {
  const memory = new Map<string, string>();
  return {
    get: (key) => memory.get(key) ?? attempt(() => open().getItem(key)) ?? null,
    set(key, text) {
      memory.set(key, text);
      attempt(() => {
        open().setItem(key, text);
        memory.delete(key);
      });
    },
    remove(key) {
      memory.delete(key);
      attempt(() => open().removeItem(key));
    },
    keys: () => [...memory.keys(), ...(attempt(() => Object.keys(open())) ?? [])],
  };
}
