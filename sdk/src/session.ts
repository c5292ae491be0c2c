/**
 * Sessions: one tab's visit, until 30 minutes without activity, 24 hours in all, or another user.
 *
 * The record in `sessionStorage` continues a session after a reload. A tab that is duplicated, or opened by a page, begins with a copy
 * of it. So a living page marks the record as taken, and a page that finds it taken begins a new session.
 */
import { attempt } from './attempt.js';
import { uuid } from './id.js';
import type { Shelf } from './storage.js';

export interface Session {
  /** The session's id now. Activity ends an idle session and begins the next; anything else belongs to the one there is. */
  id(active?: boolean): string;
  /** Begins another session at once. */
  renew(): void;
  /** Whether `person` differs from the last one of session `id`, which it then replaces; false for a session that is over. */
  introduce(id: string, person: string): boolean;
  /** Releases the record for the next page. */
  release(): void;
  /** Takes it back, as the next page left it: ours was kept for the back button. */
  hold(): void;
}

export interface SessionDeps {
  shelf: Shelf;
  key: string;
  user: () => string;
  /** Called with the id of each session except the first. */
  begun(id: string): void;
}

const IDLE_MS = 30 * 60_000;
const LENGTH_MS_MAX = 24 * 3_600_000;
/** Activity is stored at most this often. */
const NOTE_MS = 1_000;

interface Record {
  id: string;
  begun: number;
  last: number;
  user: string;
  person?: string;
  taken?: boolean;
}

export function createSession({ shelf, key, user, begun }: SessionDeps): Session {
  const fresh = (): Record => ({ id: uuid(), begun: Date.now(), last: Date.now(), user: user() });
  const note = () => shelf.set(key, JSON.stringify({ ...record, taken }));
  const isOver = ({ last, begun }: Record, active: boolean) => {
    const now = Date.now();
    // A clock that was set back far ends a session too; otherwise it would last until the clock catches up.
    return (active && Math.abs(now - last) > IDLE_MS) || Math.abs(now - begun) > LENGTH_MS_MAX;
  };
  const claim = (): Record => {
    const found: Record | null | undefined = attempt(() => JSON.parse(shelf.get(key) ?? 'null'));
    return found && !found.taken && found.user === user() && !isOver(found, true) ? found : fresh();
  };

  let taken = true;
  let record = claim();
  note();

  const renew = () => {
    record = fresh();
    note();
    begun(record.id);
  };

  return {
    id(active = true) {
      if (isOver(record, active)) renew();
      else if (active && Date.now() - record.last > NOTE_MS) {
        record.last = Date.now();
        note();
      }
      return record.id;
    },
    renew,
    introduce(id, person) {
      if (id !== record.id || person === record.person) return false;
      record.person = person;
      note();
      return true;
    },
    release() {
      // Later activity of this page must not mark the record as taken.
      taken = false;
      note();
    },
    hold() {
      taken = true;
      const { id } = record;
      record = claim();
      note();
      if (record.id !== id) begun(record.id);
    },
  };
}
