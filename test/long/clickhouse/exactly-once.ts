/** Holds every answer of a collector against what its clients saw acknowledged: nothing lost, nothing there twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { brief, firstDifference } from '../../model/difference.js';
import { get } from '../../support/http.js';
import type { Load } from '../../support/load.js';
import type {
  AggregatesAnswer,
  EventRow,
  EventsAnswer,
  NameCount,
  SessionRow,
  UserRow,
} from '../../support/rows.js';

/** Names that clients share, so that there is a funnel to walk. */
export const STEPS = ['open', 'fill', 'pay'];
const POLL_MS = 5;

/** Settles when so many more batches were acknowledged. */
export async function more(load: Load, batches: number): Promise<void> {
  const before = load.acknowledged.length;
  while (load.acknowledged.length < before + batches) await sleep(POLL_MS);
}

/** What is not as it should be, a line each. */
export async function faults(url: string, load: Load): Promise<string[]> {
  const events = await allEvents(url);
  const found: string[] = [...load.surprises];
  const hold = (what: string, expected: unknown, got: unknown) => {
    const difference = firstDifference(expected, got, what);
    if (difference !== undefined) found.push(`${difference}: ${brief(got)}`);
  };
  hold('events', countsOf(load.acknowledged.flat()), countsOf(events.map(({ name }) => name)));
  hold('ids', events.length, new Set(events.map(({ id }) => id)).size);
  const idOf = new Map(events.map(({ name, id }) => [name, id]));
  for (const batch of load.acknowledged) {
    // The last one's name is shared.
    const ids = batch.slice(0, -1).map((name) => idOf.get(name) ?? 0);
    hold(
      `order of ${batch[0]}`,
      ids.toSorted((a, b) => a - b),
      ids,
    );
  }

  const funnel = await get<{ steps: NameCount[] }>(url, `/v1/query/funnel?steps=${STEPS.join(',')}`);
  hold(
    'funnel',
    funnelOf(events),
    funnel.steps.map(({ name, count }) => ({ name, count })),
  );

  const { top_events, errors_by_day, dau } = await get<AggregatesAnswer>(
    url,
    '/v1/query/aggregates?limit=100',
  );
  const named = countsOf(events.filter(({ type }) => type === 'event').map(({ name }) => name));
  for (const { name, count } of top_events) hold(`count of ${name}`, named[name], count);
  hold('shared names on top', STEPS.length, top_events.filter(({ name }) => STEPS.includes(name)).length);
  hold(
    'errors',
    events.filter(({ type }) => type === 'error').length,
    errors_by_day.reduce((sum, { count }) => sum + count, 0),
  );
  const userDays = events.map(({ ts, user_id }) => `${new Date(ts).toISOString().slice(0, 10)} ${user_id}`);
  hold(
    'user days',
    new Set(userDays).size,
    dau.reduce((sum, { count }) => sum + count, 0),
  );

  const { users } = await get<{ users: UserRow[] }>(url, '/v1/query/users?limit=500');
  const byUser = grouped(events, ({ user_id }) => user_id);
  hold('users', byUser.size, users.length);
  for (const { user_id, session_count } of users) {
    hold(
      `sessions of ${user_id}`,
      new Set(byUser.get(user_id)?.map(({ session_id }) => session_id)).size,
      session_count,
    );
  }
  const { sessions } = await get<{ sessions: SessionRow[] }>(url, '/v1/query/sessions?limit=500');
  const bySession = grouped(events, ({ session_id }) => session_id);
  for (const { session_id, event_count, error_count } of sessions) {
    const own = bySession.get(session_id) ?? [];
    const errors = own.filter(({ type }) => type === 'error').length;
    hold(`events of ${session_id}`, [own.length, errors], [event_count, error_count]);
  }
  return found;
}

async function allEvents(url: string): Promise<EventRow[]> {
  const events: EventRow[] = [];
  for (let cursor = ''; ; ) {
    const page = await get<EventsAnswer>(url, `/v1/query/events?limit=500${cursor}`);
    events.push(...page.events);
    if (page.next_cursor === undefined) return events;
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
}

function countsOf(names: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of names.toSorted()) found[name] = (found[name] ?? 0) + 1;
  return found;
}

function grouped(events: readonly EventRow[], keyOf: (event: EventRow) => string): Map<string, EventRow[]> {
  const groups = new Map<string, EventRow[]>();
  for (const event of events) {
    const group = groups.get(keyOf(event));
    if (group === undefined) groups.set(keyOf(event), [event]);
    else group.push(event);
  }
  return groups;
}

/** The plain walk over each user's events by `(ts, id)`. */
function funnelOf(events: readonly EventRow[]): NameCount[] {
  const reached = STEPS.map(() => 0);
  for (const own of grouped(events, ({ user_id }) => user_id).values()) {
    let step = 0;
    for (const { name } of own.toSorted((a, b) => a.ts - b.ts || a.id - b.id)) {
      if (name !== STEPS[step]) continue;
      reached[step] = (reached[step] ?? 0) + 1;
      step += 1;
    }
  }
  return STEPS.map((name, index) => ({ name, count: reached[index] ?? 0 }));
}
