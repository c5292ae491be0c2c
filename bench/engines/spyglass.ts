/** spyglass in process: the store on the calling thread, as the reader threads run it. */
import type { EventType, StoredEvent } from '../../src/domain/event.js';
import type { CountedDay, CountedName } from '../../src/questions/shapes.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import { arrivals, END } from '../data.js';
import { LIST_LIMIT, TOP_LIMIT } from '../questions.js';
import type { OpenEngine } from './engine.js';
import { dayNumber } from './sql.js';

const GROUP_BODIES = 500;

const rowOf = (event: StoredEvent): unknown[] => [
  event.id,
  event.ts,
  event.app,
  event.user_id,
  event.session_id,
  event.type,
  event.name,
  event.url,
  event.props,
];
const named = (list: CountedName[]): unknown[] => list.map(({ name, count }) => [name, count]);
const daily = (list: CountedDay[]): unknown[] => list.map(({ day, count }) => [dayNumber(day), count]);
const about = <T extends { app?: string }>({ app, ...rest }: T) => ({ ...rest, ...(app && { apps: [app] }) });

export const openSpyglass: OpenEngine = async (folder) => {
  const store = await openLmdbStore({ dataDir: folder });
  return {
    async fill({ events, onProgress }) {
      let group: { app: string; receivedAt: number; events: StoredEvent[] }[] = [];
      let stored = 0;
      const commit = async (): Promise<void> => {
        const settled = await store.append(group);
        if (settled.some(({ status }) => status === 'rejected')) throw new Error('a batch was refused');
        group = [];
        onProgress(stored);
      };
      for (const body of arrivals(events)) {
        group.push({ ...body, receivedAt: END } as (typeof group)[number]);
        stored += body.events.length;
        if (group.length === GROUP_BODIES) await commit();
      }
      await commit();
    },
    async ask(ask) {
      switch (ask.kind) {
        case 'funnel': {
          const { kind: _, ...query } = ask;
          const { steps } = await store.ask('funnel', { ...about(query), steps: [...query.steps] });
          return steps.map(({ count }) => count);
        }
        case 'aggregates': {
          const { kind: _, ...range } = ask;
          const found = await store.ask('aggregates', { ...about(range), limit: TOP_LIMIT });
          return [
            daily(found.dau),
            named(found.top_events),
            named(found.top_pages),
            daily(found.errors_by_day),
          ];
        }
        case 'newest': {
          const { kind: _, type, ...by } = ask;
          const query = { ...by, ...(type ? { type: type as EventType } : {}), limit: LIST_LIMIT };
          return (await store.ask('events', query)).events.map(rowOf);
        }
        case 'incident': {
          const found = await store.ask('incident', { event_id: ask.id });
          return (found?.around?.breadcrumbs ?? []).map(rowOf);
        }
        case 'users':
          return (await store.ask('users', { limit: LIST_LIMIT })).users.map((user) => [
            user.user_id,
            user.app,
            user.first_seen,
            user.last_seen,
            user.session_count,
          ]);
        case 'sessions':
          return (await store.ask('sessions', { limit: LIST_LIMIT })).sessions.map((session) => [
            session.session_id,
            session.app,
            session.user_id,
            session.started_at,
            session.last_seen,
            session.event_count,
            session.error_count,
          ]);
      }
    },
    close: () => store.close(),
  };
};
