/** What an erasure would take, asked before anything is erased; and whom else it could mean, where it is about nobody. */
import type { Commands } from '../domain/commands.js';
import { ERASE_SESSIONS_COUNTED, NEAR_USERS, NEAR_USERS_LOOKED_AT } from '../domain/limits.js';
import { ProblemError } from '../domain/problems.js';
import type { Ask, Found, QuestionName } from './index.js';

interface Asked {
  ask<K extends QuestionName>(kind: K, ask: Ask<K>): Promise<Found<K>>;
}

type Erasure = Commands['erase']['ask'];

export interface WouldErase {
  /** Absent where they are too many to be counted in time. */
  events?: number | undefined;
  sessions: number;
  /** Of the latest `ERASE_SESSIONS_COUNTED` sessions; 0 where these could not be read in time. */
  chunks: number;
  /** There are more sessions than those whose chunks were counted. */
  areMoreChunks: boolean;
}

/** Rows of one user: one an app. */
const APPS_MAX = 10_000;
/** Ids are compared by so many first characters. */
const COMPARED = 64;

const appsOf = ({ app }: Erasure) => (app === undefined ? {} : { apps: [app] });

/**
 * Settles with the number of sessions. Throws `ProblemError` with near ids where no event is the user's, and none was:
 * an erasure in `pending` may have come half-way, and may be asked for again.
 */
export async function assertKnown(
  store: Asked,
  erasure: Erasure,
  pending: readonly Erasure[],
): Promise<number> {
  const { users } = await store.ask('users', { ...appsOf(erasure), user: erasure.user, limit: APPS_MAX });
  const isPending = pending.some(({ user, app }) => user === erasure.user && app === erasure.app);
  if (users.length > 0 || isPending) return users.reduce((sum, { session_count }) => sum + session_count, 0);
  const others = await store.ask('users', { ...appsOf(erasure), limit: NEAR_USERS_LOOKED_AT });
  const near = nearest(erasure.user, [...new Set(others.users.map(({ user_id }) => user_id))]);
  const where = erasure.app === undefined ? '' : ` in app ${JSON.stringify(erasure.app)}`;
  const hint = near.length === 0 ? '' : ` Near it: ${near.map((id) => JSON.stringify(id)).join(', ')}.`;
  const detail = `No event is of a user ${JSON.stringify(erasure.user)}${where}. Nothing was erased.${hint}`;
  throw new ProblemError('not_found', detail, { near });
}

/** Throws as `assertKnown` does. */
export async function wouldErase(
  store: Asked,
  erasure: Erasure,
  pending: readonly Erasure[] = [],
): Promise<WouldErase> {
  const sessions = await assertKnown(store, erasure, pending);
  const ask = { ...appsOf(erasure), user: erasure.user };
  const events = await store.ask('activity', ask).then(
    ({ days, truncated }) =>
      truncated ? undefined : days.reduce((sum, { event_count }) => sum + event_count, 0),
    () => undefined,
  );
  const counted = await store.ask('sessions', { ...ask, limit: ERASE_SESSIONS_COUNTED }).then(
    (listed) => listed.sessions,
    () => [],
  );
  return {
    events,
    sessions,
    chunks: counted.reduce((sum, { chunk_count }) => sum + chunk_count, 0),
    areMoreChunks: counted.length < sessions,
  };
}

/** The ids that are most like the one given; none that differs in more than a third. */
function nearest(id: string, others: readonly string[]): string[] {
  const given = id.toLowerCase().slice(0, COMPARED);
  return others
    .map((other) => {
      const text = other.toLowerCase().slice(0, COMPARED);
      const isPart = given.length > 2 && (text.includes(given) || (text.length > 2 && given.includes(text)));
      const editsMax = Math.max(1, Math.floor(Math.max(given.length, text.length) / 3));
      return { other, edits: isPart && given !== text ? 1 : distance(given, text), editsMax };
    })
    .filter(({ edits, editsMax }) => edits <= editsMax)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, NEAR_USERS)
    .map(({ other }) => other);
}

/** How many characters must be put in, taken out or replaced (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
