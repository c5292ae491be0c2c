/** What a browser gives a page, as far as the queue and sessions need it, for tests without one. */
import type { Shelf } from '../../../sdk/src/storage.js';

/** A storage that several pages share. */
export function memoryShelf(entries = new Map<string, string>()): Shelf & { entries: Map<string, string> } {
  return {
    entries,
    get: (key) => entries.get(key) ?? null,
    set: (key, text) => {
      entries.set(key, text);
    },
    remove: (key) => {
      entries.delete(key);
    },
    keys: () => [...entries.keys()],
  };
}

/** Web locks, of which a page is told at once what it gets. */
export function memoryLocks() {
  const held = new Set<string>();
  return {
    held,
    async request(
      name: string,
      options: object | ((lock: object) => Promise<void>),
      then?: (lock: object | null) => void,
    ): Promise<void> {
      if (then) return then(held.has(name) ? null : {});
      held.add(name);
      await (options as (lock: object) => Promise<void>)({});
      held.delete(name);
    },
  };
}

/** The clock of the machine, whatever the tests set theirs to. */
const realTimeout = setTimeout;

/** Lets everything happen that waits for no timer and no file. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for what depends on a module being loaded, which takes as long as disk and loader do. */
export async function eventually(condition: () => boolean, waits = 1_000): Promise<void> {
  for (let wait = 0; wait < waits && !condition(); wait++) {
    await new Promise((resolve) => realTimeout(resolve, 10));
  }
  await settle();
}

/** A browser's storage, whose keys are properties as they are there. */
export function browserStorage() {
  const entries = new Map<string, string>();
  const methods: Record<string, (key: string, text?: string) => unknown> = {
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, text) => entries.set(key, String(text)),
    removeItem: (key) => entries.delete(key),
  };
  const storage = new Proxy(methods, {
    ownKeys: () => [...entries.keys()],
    getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true }),
  });
  return { entries, storage };
}
