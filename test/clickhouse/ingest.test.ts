/** The way into ClickHouse: bodies are read on a thread of their own, and each request hears what became of it. */
import t from 'tap';
import type { Engine } from '../../src/clickhouse/connect.js';
import { openIngest } from '../../src/clickhouse/ingest.js';
import { type Outcomes, openNumbering } from '../../src/clickhouse/numbering.js';
import type { EventRequest } from '../../src/domain/event.js';
import { KEY_CHECK_FROM_REQUESTS } from '../../src/domain/limits.js';
import type { AppendResult } from '../../src/store/port.js';

const APPS = { inventory: { key: 'sg_live_x', origins: [] } };
const LIMITS = { body_bytes: 1_048_576, chunk_bytes: 1_048_576, events_per_minute: 0 };
type Outcome = PromiseSettledResult<AppendResult>;

/** A store whose inserts end when the test says so. */
function fakeStore() {
  const begun: { batches: readonly EventRequest[]; end(outcome?: Outcome): void }[] = [];
  const append = (batches: readonly EventRequest[]): Promise<Outcome[]> =>
    new Promise((resolve) => {
      const stored: Outcome = { status: 'fulfilled', value: 'stored' };
      begun.push({ batches, end: (outcome = stored) => resolve(batches.map(() => outcome)) });
    });
  return { begun, append };
}

function bodyOf(name: string, key = 'sg_live_x') {
  const events = [{ user_id: 'u', session_id: 's', type: 'event', name }];
  const json = JSON.stringify({ app: 'inventory', key, batch_id: `batch-${name}`, events });
  return { body: Buffer.from(json), receivedAt: Date.now(), address: '127.0.0.1' };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

t.test('what is valid is inserted, what is not is refused, and an insert that fails is a 503', async (t) => {
  const store = fakeStore();
  const ingest = openIngest(store, { apps: APPS, limits: LIMITS });
  t.equal((await ingest.ingest(bodyOf('x', 'wrong')))?.code, 'unauthorized_app');
  t.equal(store.begun.length, 0);

  const good = ingest.ingest(bodyOf('good'));
  await until(() => store.begun.length === 1);
  t.match(store.begun[0]?.batches, [{ app: 'inventory', batchId: 'batch-good', events: [{ name: 'good' }] }]);
  t.match(ingest.sizes(), { queue_requests: 1 }, 'it holds its place until it is stored');
  store.begun[0]?.end();
  t.equal(await good, undefined);

  const bad = ingest.ingest(bodyOf('bad'));
  await until(() => store.begun.length === 2);
  store.begun[1]?.end({ status: 'rejected', reason: new Error('away') });
  const refusal = await bad;
  t.equal(refusal?.code, 'not_accepting');
  t.ok(refusal?.retryAfterS);

  await ingest.configure({ apps: { inventory: { key: 'another', origins: [] } }, limits: LIMITS });
  t.equal((await ingest.ingest(bodyOf('late')))?.code, 'unauthorized_app', 'new settings hold');
  await ingest.close();
});

t.test('four inserts run at once; what arrives meanwhile is the next', async (t) => {
  const store = fakeStore();
  const ingest = openIngest(store, { apps: APPS, limits: LIMITS });
  const answers: Promise<unknown>[] = [];
  for (let n = 0; n < 4; n++) {
    answers.push(ingest.ingest(bodyOf(`first${n}`)));
    await until(() => store.begun.length === n + 1);
  }
  for (let n = 0; n < 20; n++) {
    answers.push(ingest.ingest(bodyOf(`later${n}`)));
    // Its refusal comes back past those that wait: the thread has had a turn for each.
    await ingest.ingest(bodyOf('x', 'wrong'));
  }
  t.equal(store.begun.length, 4);
  store.begun[0]?.end();
  await until(() => store.begun.length === 5);
  t.equal(store.begun[4]?.batches.length, 20);
  for (const one of store.begun) one.end();
  t.same(await Promise.all(answers), Array(24).fill(undefined));
  await ingest.close();
});

t.test('while many wait, only what shows the key of these settings is let in', async (t) => {
  const store = fakeStore();
  const ingest = openIngest(store, { apps: APPS, limits: LIMITS });
  const answers = Array.from({ length: KEY_CHECK_FROM_REQUESTS }, (_, n) => ingest.ingest(bodyOf(`no ${n}`)));
  t.equal((await ingest.ingest(bodyOf('x', 'another')))?.code, 'key_not_shown');
  await until(() => store.begun.length > 0);
  await ingest.configure({ apps: { inventory: { key: 'another', origins: [] } }, limits: LIMITS });
  t.equal((await ingest.ingest(bodyOf('x')))?.code, 'key_not_shown');
  answers.push(ingest.ingest(bodyOf('yes', 'another')));
  t.match(ingest.sizes(), { queue_requests: KEY_CHECK_FROM_REQUESTS + 1 });
  const ending = setInterval(() => {
    for (const one of store.begun) one.end();
  }, 5);
  t.same(new Set(await Promise.all(answers)), new Set([undefined]));
  clearInterval(ending);
  await ingest.close();
});

t.test('with a fence in the future, what would be dropped is refused and told why', async (t) => {
  const fence = Date.now() + 86_400_000;
  const engine = { query: async () => [] } as unknown as Engine;
  const prepare = openNumbering({
    engine,
    ids: { take: () => [], import: () => [] },
    mayGiveIds: () => true,
    fence: () => fence,
  });
  const append = async (batches: readonly EventRequest[]): Promise<Outcome[]> => {
    const works = batches.map((batch) => ({ batch, base: 'b', generation: 0, rows: [] }));
    const outcomes: Outcomes = new Map();
    await prepare(works, outcomes);
    return works.map((work) => ({ status: 'rejected', reason: outcomes.get(work) }));
  };
  const ingest = openIngest({ append }, { apps: APPS, limits: LIMITS });
  const refusal = await ingest.ingest(bodyOf('now'));
  t.equal(refusal?.code, 'not_accepting');
  t.match(refusal?.detail, 'set the clock right');
  await ingest.close();
});
