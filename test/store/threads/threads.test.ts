/** The store on threads of its own: what others may see in its tables while groups are on their way into them. */
import t from 'tap';
import { GROUP_REQUESTS_MAX } from '../../../src/domain/limits.js';
import { openLog } from '../../../src/log/batches/log.js';
import { openEnv } from '../../../src/log/file/env.js';
import { openStore } from '../../../src/store/open.js';

const NOW = Date.UTC(2026, 5, 1, 12);
const LIMITS = { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 };

const APPS = { shop: { key: 'sg_shop_0123456789', origins: [] } };

/** A request with events of one session. */
const request = (name: string, events: number) => ({
  receivedAt: NOW,
  body: Buffer.from(
    JSON.stringify({
      app: 'shop',
      key: APPS.shop.key,
      sent_at: NOW,
      events: Array.from({ length: events }, (_, n) => ({
        ts: NOW + n,
        user_id: `user ${n}`,
        session_id: 's',
        type: 'event',
        name,
      })),
    }),
  ),
});

t.test('a chunk’s row never stands under the number of an app that the tables do not know yet', async (t) => {
  const dataDir = t.testdir();
  const { store, ingest } = await openStore({ dataDir, apps: APPS, limits: LIMITS, now: () => NOW });
  t.teardown(() => store.close());
  const env = openEnv(dataDir, { mode: 'write' });
  t.teardown(() => env.close());
  const log = openLog(env);
  for (let round = 0; round < 3; round++) {
    // The longer the writer applied, the longer it lets groups gather.
    t.equal(await ingest(request('many', 2_000)), undefined);
    await store.ask('events', { limit: 1 });
    const app = `new ${round}`;
    await store.putChunk({ app, session: 's', seq: 0, receivedAt: NOW, bytes: Buffer.from('[]') });
    env.renewSnapshot();
    t.type(log.dictionaries.number('app', app), 'number', app);
  }
});

t.test('more requests than a group takes are all answered, and stored in the order of arrival', async (t) => {
  const count = 5 * GROUP_REQUESTS_MAX + 1;
  const isWrong = (n: number): boolean => n % 50 === 7;
  const right = Array.from({ length: count }, (_, n) => n).filter((n) => !isWrong(n));
  // Room for each of them once.
  const limits = { ...LIMITS, events_per_minute: right.length };
  const { store, ingest } = await openStore({ dataDir: t.testdir(), apps: APPS, limits, now: () => NOW });
  t.teardown(() => store.close());
  const body = (n: number): Buffer => {
    const text = JSON.stringify({
      app: 'shop',
      key: isWrong(n) ? 'a wrong one' : APPS.shop.key,
      events: [{ ts: NOW, user_id: 'u', session_id: 's', type: 'event', name: `n${n}` }],
    });
    // Some take the reader that is loaded when the first of them comes: what came before and after them waits its turn.
    return Buffer.from(n % 70 === 33 ? text.replace('"events"', String.raw`"event\u0073"`) : text);
  };
  const answers = await Promise.all(
    Array.from({ length: count }, (_, n) => ingest({ body: body(n), receivedAt: NOW })),
  );
  t.same(
    answers.map((answer) => answer?.code),
    answers.map((_, n) => (isWrong(n) ? 'unauthorized_app' : undefined)),
  );
  const { events } = await store.tail(0, count);
  t.same(
    events.map(({ name }) => name),
    right.map((n) => `n${n}`),
  );
});
