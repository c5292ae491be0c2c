/** What an erasure would take, where it cannot all be counted. */
import t from 'tap';
import { wouldErase } from '../../src/questions/before-erasure.js';

type Store = Parameters<typeof wouldErase>[0];

/** A store with a user of three sessions; questions that are not here fail. */
const storeOf = (answers: object): Store => ({
  ask: async (kind) => {
    const all: Record<string, unknown> = { users: { users: [{ session_count: 3 }] }, ...answers };
    if (all[kind] === undefined) throw new Error(`${kind} takes too long`);
    return all[kind] as never;
  },
});
const days = [{ event_count: 5 }, { event_count: 6 }];
const sessions = { sessions: [{ chunk_count: 2 }, { chunk_count: 3 }, { chunk_count: 4 }] };

t.test('what could not be counted is said to be unknown, not to be little', async (t) => {
  const preview = (answers: object) => wouldErase(storeOf(answers), { user: 'u' });
  t.same(await preview({ activity: { days, truncated: false }, sessions }), {
    ...{ events: 11, sessions: 3, chunks: 9, areMoreChunks: false },
  });
  t.match(await preview({ activity: { days, truncated: true }, sessions }), { events: undefined, chunks: 9 });
  t.same(await preview({}), { events: undefined, sessions: 3, chunks: 0, areMoreChunks: true });
});
