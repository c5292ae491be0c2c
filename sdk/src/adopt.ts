/** Takes over batches in the storage whose pages no longer live. */
import type { Shelf } from './storage.js';

/** The page of a batch younger than this may not have its lock yet. */
const NEW_MS = 1_500;
/** Without locks, any page may take a batch that is older than this. */
const LEASE_MS = 60_000;

export interface Adoption {
  shelf: Shelf;
  /** Keys of other owners, each `<owner><batch id>` with an owner as long as `own`. */
  keys: string[];
  own: string;
  locks: LockManager | undefined;
  /** Stores a batch under our name. */
  insert(id: string, at: number, events: string[]): void;
  /** Runs after each owner that had left something. */
  found(): void;
}

/** Moves what an owner left once its lock is ours, so that no two pages take the same and none takes from one that lives. */
export function adopt({ shelf, keys, own, locks, insert, found }: Adoption): void {
  const owners = new Set(keys.map((key) => key.slice(0, own.length)));
  const take = (owner: string, leaseMs: number) => {
    let taken = false;
    for (const key of keys) {
      const text = key.startsWith(owner) ? shelf.get(key) : null;
      const [at = '', ...events] = text?.split('\n') ?? [];
      // A time in the future, from a clock that was set back, counts as old.
      if (events.length === 0 || Math.abs(Date.now() - Number(at)) < leaseMs) continue;
      insert(key.slice(own.length), Number(at), events);
      shelf.remove(key);
      taken = true;
    }
    if (taken) found();
  };
  for (const owner of owners) {
    if (locks === undefined) take(owner, LEASE_MS);
    else {
      locks
        .request(owner, { ifAvailable: true }, (lock) => {
          if (lock !== null) take(owner, NEW_MS);
        })
        .catch(() => {});
    }
  }
}
