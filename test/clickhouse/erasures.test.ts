/** Erasures on ClickHouse: asked for durably before anything is deleted, forgotten last, and taken up by one collector. */
import t from 'tap';
import type { Engine, Params } from '../../src/clickhouse/connect.js';
import { openErasures } from '../../src/clickhouse/erasures.js';

/** An engine that knows the table `erasures` and no events; `fails` says which deletion does not end. */
function fakeEngine(fails = (_sql: string, _params: Params) => false) {
  let notes: { id: string; user: string; worker: string }[] = [];
  const statements: string[] = [];
  const engine = {
    database: 'd',
    async command(sql: string, { id, user, worker }: Params) {
      statements.push('note');
      if (sql.includes('INSERT INTO erasures'))
        notes.push({ id: String(id), user: String(user), worker: String(worker) });
    },
    async everywhere(sqlOf: (on: string) => string, params: Params = {}) {
      const sql = sqlOf('');
      statements.push(/d\.(\w+)/.exec(sql)?.[1] ?? sql);
      if (fails(sql, params)) throw new Error('the engine is away');
      if (sql.includes('d.erasures')) notes = notes.filter(({ id }) => id !== params.id);
    },
    async query(sql: string, params: Params = {}) {
      if (sql.includes('DISTINCT worker')) {
        const workers = notes.filter(({ id }) => id === params.id).map(({ worker }) => worker);
        return workers.sort().map((worker) => ({ worker }));
      }
      if (!sql.includes('FROM erasures')) return [];
      if (sql.includes('count()')) return [{ count: notes.filter(({ id }) => id === params.id).length }];
      return [...new Map(notes.map((note) => [note.id, note])).values()].map(({ id, user }) => ({
        id,
        its_user: user,
        its_app: '',
      }));
    },
  };
  return { engine: engine as unknown as Engine, statements, pending: () => notes };
}

t.test('the request is kept before anything is deleted, and deleted last', async (t) => {
  const { engine, statements, pending } = fakeEngine();
  await openErasures(engine).erase({ user: 'alice' });
  t.equal(statements[0], 'note');
  t.equal(statements.at(-1), 'erasures');
  t.ok(statements.includes('events') && statements.includes('users'), `${statements}`);
  t.same(pending(), []);
});

t.test('one that fails is kept, and carried out by whoever claims it first', async (t) => {
  let isAway = true;
  const { engine, pending } = fakeEngine((sql) => isAway && sql.includes('d.users'));
  await t.rejects(openErasures(engine).erase({ user: 'alice' }), { message: 'the engine is away' });
  t.match(pending(), [{ user: 'alice' }]);
  for (const note of pending()) note.worker = 'zz: a collector that is gone';
  isAway = false;
  t.equal(await openErasures(engine).resume(), 1);
  t.same(pending(), []);
  t.equal(await openErasures(engine).resume(), 0);
});

t.test('one that another collector has claimed is left to it', async (t) => {
  const { engine, pending, statements } = fakeEngine((sql) => sql.includes('d.users'));
  await t.rejects(openErasures(engine).erase({ user: 'alice' }));
  for (const note of pending()) note.worker = '!: the lesser name';
  statements.length = 0;
  t.equal(await openErasures(engine).resume(), 0);
  t.same(statements, ['note'], 'nothing was deleted');
});

/** The collector that asked for them is gone. */
const forsake = (notes: { worker: string }[]): void => {
  for (const note of notes) note.worker = 'zz: a collector that is gone';
};

t.test('one that another collector finished meanwhile is not done again', async (t) => {
  let isAway = true;
  const { engine, pending, statements } = fakeEngine((sql) => isAway && sql.includes('d.users'));
  for (const user of ['alice', 'bob']) await t.rejects(openErasures(engine).erase({ user }));
  forsake(pending());
  isAway = false;
  const late = {
    ...engine,
    async query(sql: string, params: Params) {
      const found = await engine.query(sql, params);
      if (sql.includes('GROUP BY id')) t.equal(await openErasures(engine).resume(), 2, 'the other does both');
      return found;
    },
  } as Engine;
  t.equal(await openErasures(late).resume(), 0);
  t.same(pending(), []);
  t.equal(statements.filter((one) => one === 'users').length, 2 + 2, 'each was erased once');
});

t.test('one that fails does not keep the others from their turn', async (t) => {
  let isAway = true;
  const { engine, pending } = fakeEngine(
    (sql, params) => sql.includes('d.users') && (isAway || Object.values(params).includes('alice')),
  );
  for (const user of ['alice', 'bob']) await t.rejects(openErasures(engine).erase({ user }));
  forsake(pending());
  isAway = false;
  await t.rejects(openErasures(engine).resume(), { message: 'the engine is away' });
  t.match(pending(), [{ user: 'alice' }]);
  t.notOk(pending().some(({ user }) => user === 'bob'));
});
