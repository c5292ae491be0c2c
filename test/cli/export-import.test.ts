/** `spyglass export` and `import`: what goes out comes in again, whole, in pieces, and more than once. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import { answersOf, QUERIES } from '../support/answers.js';
import { runSpyglass } from '../support/command.js';
import type { UserRow } from '../support/rows.js';
import { fillStore } from '../support/stores.js';

/** Many processes are started in here; a hang is a failure, a slow machine is not. */
t.setTimeout(180_000);

const dir = t.testdir({});
const SOURCE = join(dir, 'source');
const FILE = join(dir, 'whole.ndjson');
const events = await fillStore(SOURCE);
const lines = (text: string) => text.split('\n').filter((line) => line !== '');
const exported = (...args: string[]) => runSpyglass(['export', '--data', ...args]);

t.test('an export is the header, every event in order of arrival, the batch ids, and the end', async (t) => {
  const { code, stdout, stderr } = await exported(SOURCE);
  t.equal(code, 0, stderr);
  const rows = lines(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(rows[0], { spyglass_export: 1, store: /^[0-9a-f-]{36}$/, after: 0, head: events });
  t.same(
    rows.flatMap(({ id }) => (id === undefined ? [] : [id])),
    Array.from({ length: events }, (_, i) => i + 1),
  );
  t.ok(rows.some(({ batch_id }) => String(batch_id).startsWith('demo-')));
  t.same(rows.at(-1), { end: events, events });
  writeFileSync(FILE, stdout);
});

t.test('an import of it gives the same store: same export, same id, and views that verify', async (t) => {
  const copy = join(dir, 'copy');
  const { code, stdout } = await runSpyglass(['import', FILE, '--data', copy]);
  t.equal(code, 0, stdout);
  t.match(stdout, `${events} events stored`);
  const again = await exported(copy);
  t.equal(again.stdout, readFileSync(FILE, 'utf8'));
  t.equal((await runSpyglass(['verify', '--data', copy])).code, 0);
});

t.test('a link to an error group leads to it in the new store too', async (t) => {
  // Two more errors, the later one of an app and with a name that the other store meets first.
  const [one, other] = [join(dir, 'one-order'), join(dir, 'other-order')];
  const thrown = (app: string, name: string, id: number) => ({
    app,
    receivedAt: id,
    firstId: id,
    events: [{ ts: id, user_id: 'u', session_id: 's', type: 'error' as const, name }],
  });
  const batches = [thrown('shop', 'boom', 1), thrown('back.office', 'bang', 2), thrown('shop', 'bang', 3)];
  const groupsIn = async (dataDir: string, skip: number) => {
    const store = await openLmdbStore({ dataDir });
    await store.append(batches.slice(skip));
    const { groups } = await store.ask('errors', { apps: ['shop'], limit: 9 });
    const group = groups.find(({ name }) => name === 'bang')?.group ?? '';
    const { events } = await store.ask('occurrences', { group, limit: 9 });
    await store.close();
    return { group, ids: events.map(({ id }) => id) };
  };
  const whole = await groupsIn(one, 0);
  t.same(whole.ids, [3]);
  t.same(await groupsIn(other, 1), whole, 'whatever numbers its texts have there');
});

t.test('and every query answers as it did', async (t) => {
  const users = await answersOf(SOURCE, ['/v1/query/users']);
  const rows = (users['/v1/query/users'] as { body: { users: UserRow[] } }).body.users;
  const paths = [...QUERIES, ...rows.map(({ user_id }) => `/v1/query/activity?user=${user_id}`)];
  // Replay chunks are no part of an export.
  const answers = async (dataDir: string) =>
    JSON.parse(JSON.stringify(await answersOf(dataDir, paths)), (key, value) =>
      key === 'chunk_count' ? undefined : value,
    );
  const before = await answers(SOURCE);
  for (const path of paths) t.match(before[path], { status: 200 }, path);
  t.same(await answers(join(dir, 'copy')), before);
});

t.test('importing it again stores nothing and does no harm', async (t) => {
  const copy = join(dir, 'copy');
  const { code, stdout } = await runSpyglass(['import', '--data', copy], { stdin: readFileSync(FILE) });
  t.equal(code, 0, stdout);
  t.match(stdout, `0 events stored, ${events} were there already, 0 batch ids`);
  t.equal((await exported(copy)).stdout, readFileSync(FILE, 'utf8'));
});

t.test('a retry of a batch that was exported is known in the new store', async (t) => {
  const batch = lines(readFileSync(FILE, 'utf8'))
    .map((line) => JSON.parse(line))
    .find((row) => row.batch_id);
  const store = await openLmdbStore({ dataDir: join(dir, 'copy') });
  t.teardown(() => store.close());
  const settled = await store.append([
    { app: batch.app, batchId: batch.batch_id, receivedAt: Date.now(), events: [] },
  ]);
  t.same(settled, [{ status: 'fulfilled', value: 'duplicate' }]);
});

t.test('an export that was cut off says where to go on, and the rest completes it', async (t) => {
  const pieces = join(dir, 'pieces');
  const cut = join(dir, 'cut.ndjson');
  writeFileSync(cut, readFileSync(FILE, 'utf8').split('\n').slice(0, 401).join('\n'));
  const first = await runSpyglass(['import', cut, '--data', pieces]);
  t.equal(first.code, 1);
  t.match(first.stdout, '--after 400');
  const rest = await exported(SOURCE, '--after', '400');
  const second = await runSpyglass(['import', '--data', pieces], { stdin: rest.stdout });
  t.equal(second.code, 0, second.stderr);
  t.match(second.stdout, `${events - 400} events stored`);
  t.equal((await exported(pieces)).stdout, readFileSync(FILE, 'utf8'));
});

t.test('an export that leaves a gap is refused', async (t) => {
  const rest = await exported(SOURCE, '--after', '400');
  const { code, stderr } = await runSpyglass(['import', '--data', join(dir, 'gap')], { stdin: rest.stdout });
  t.equal(code, 1);
  t.match(stderr, /begins after id 400, and the store ends at 0: export with --after 0/);
});

t.test('a store with events of its own takes no other', async (t) => {
  const other = join(dir, 'other');
  await fillStore(other, { users: 2 });
  const before = await exported(other);
  const { code, stderr } = await runSpyglass(['import', FILE, '--data', other]);
  t.equal(code, 1);
  t.match(stderr, /events of its own/);
  t.equal((await exported(other)).stdout, before.stdout);
});

t.test('a continuation that tells another story is refused at the first line that differs', async (t) => {
  const rows = lines(readFileSync(FILE, 'utf8'));
  rows[7] = (rows[7] ?? '').replace(/"ts":\d+/, '"ts":1');
  const { code, stderr } = await runSpyglass(['import', '--data', join(dir, 'copy')], {
    stdin: rows.join('\n'),
  });
  t.equal(code, 1);
  t.match(stderr, /line 8: the store has another event 7/);
});

t.test('what is no export is refused with its line', async (t) => {
  const copy = join(dir, 'copy');
  for (const [stdin, message] of [
    ['', /nothing to import/],
    ['{"id":1}', /line 1 cannot be read/],
    ['not json', /line 1 cannot be read/],
    [`${lines(readFileSync(FILE, 'utf8'))[0]}\n{"id":0}`, /line 2 cannot be read/],
  ] as const) {
    const { code, stderr } = await runSpyglass(['import', '--data', copy], { stdin });
    t.equal(code, 1);
    t.match(stderr, message);
    t.notMatch(stderr, /\n\s+at /, 'no stack');
  }
});

t.test('--out makes a new file and overwrites none', async (t) => {
  const out = join(dir, 'out.ndjson');
  t.equal((await exported(SOURCE, '--out', out)).code, 0);
  t.equal(readFileSync(out, 'utf8'), readFileSync(FILE, 'utf8'));
  const again = await exported(SOURCE, '--out', out, '--after', '5');
  t.equal(again.code, 2);
  t.match(again.stderr, /exists already/);
  t.equal(readFileSync(out, 'utf8'), readFileSync(FILE, 'utf8'));
});

t.test('after the head there is nothing, and beyond it is a mistake', async (t) => {
  const { code, stdout } = await exported(SOURCE, '--after', `${events}`);
  t.equal(code, 0);
  t.match(lines(stdout)[0], `"after":${events}`);
  t.equal((await exported(SOURCE, '--after', `${events + 1}`)).code, 2);
});

t.test('ids go on after the exported head even where retention took the newest events', async (t) => {
  const swept = join(dir, 'swept');
  await runSpyglass(['import', FILE, '--data', swept]);
  const store = await openLmdbStore({ dataDir: swept });
  await store.sweep({ eventsBefore: Math.ceil(Date.now() / 86_400_000) * 86_400_000 });
  await store.close();
  const everything = await exported(swept);
  const empty = join(dir, 'empty');
  const { code, stdout } = await runSpyglass(['import', '--data', empty], { stdin: everything.stdout });
  t.equal(code, 0);
  t.match(stdout, `0 events stored`);
  t.match(stdout, `ends at id ${events}`);
  t.equal((await runSpyglass(['verify', '--data', empty])).code, 0);
});
