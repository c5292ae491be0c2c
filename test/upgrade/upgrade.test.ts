/** Stores that releases wrote, each of its format: this release opens them, and they answer as they did. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { META, openLog, STORE_FORMAT } from '../../src/log/batches/log.js';
import { decodeBatch } from '../../src/log/batches/record-batch.js';
import { openEnv } from '../../src/log/file/env.js';
import { PROJECTIONS } from '../../src/projections/registry.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { answersOf } from '../support/answers.js';
import { runSpyglass } from '../support/command.js';
import { APPS, fixturePath, hasFixture, unpackFixture, withoutGroups } from './fixtures.js';

const FIXTURE_BYTES_MAX = 100_000;

for (let format = 1; format <= STORE_FORMAT; format++) {
  t.test(`a store of format ${format}`, async (t) => {
    if (!hasFixture(format)) {
      t.fail(`format ${format} has no fixture: node dist/test/upgrade/make-fixture.js makes it, once`);
      return;
    }
    t.ok(readFileSync(fixturePath(format)).length < FIXTURE_BYTES_MAX);
    const dataDir = join(t.testdir({}), 'data');
    const expected = unpackFixture(format, dataDir);
    t.ok(Object.keys(expected).length > 10);
    const answers = await answersOf(dataDir, Object.keys(expected), APPS);
    t.same(withoutGroups(answers), expected, 'it answers as it did');
    t.equal((await verifyStore(dataDir, () => {})).problem, undefined, 'and is whole');
    const { stdout } = await runSpyglass(['export', '--data', dataDir]);
    t.ok(stdout.includes('"n":203'), 'with what a crash had left in its journal');
  });
}

t.test('views that serve from their second tables, as releases before could leave them', async (t) => {
  const dataDir = join(t.testdir({}), 'data');
  const expected = unpackFixture(1, dataDir);
  const env = openEnv(dataDir, { mode: 'write' });
  const { meta } = openLog(env).tables;
  const tables = PROJECTIONS.flatMap(({ tables }) => tables.map((name) => env.table(name)));
  const moves = tables.map((table) => ({ table, second: env.table(`${table.name}.1`) }));
  env.transaction(() => {
    const states = JSON.parse(meta.get(META.views)?.toString('utf8') ?? '') as Record<string, object>;
    for (const state of Object.values(states)) Object.assign(state, { slot: 1 });
    meta.put(META.views, Buffer.from(JSON.stringify(states)));
    for (const { table, second } of moves) {
      for (const { key, value } of [...table.range({})]) second.put(key, value);
      table.clear();
    }
  });
  await env.close();
  t.match(await verifyStore(dataDir, () => {}), { problem: /another release, or never/, isUnfinished: true });
  const answers = await answersOf(dataDir, Object.keys(expected), APPS);
  t.same(withoutGroups(answers), expected, 'they are folded anew, and answer as they did');
  t.equal((await verifyStore(dataDir, () => {})).problem, undefined);
  const opened = openEnv(dataDir, { mode: 'read' });
  t.same(
    opened.tableNames().filter((name) => name.includes('.')),
    [],
    'what they were in is gone',
  );
  await opened.close();
});

t.test('a store, or a record batch, of a format to come is refused in one line', async (t) => {
  const dataDir = join(t.testdir({}), 'data');
  unpackFixture(STORE_FORMAT, dataDir);
  const env = openEnv(dataDir, { mode: 'write' });
  for (const { value } of env.table('log', { compressed: true }).range({ limit: 1 })) {
    const newer = Buffer.from(value);
    newer[0] = (newer[0] ?? 0) + 1;
    t.throws(() => decodeBatch(newer, 1, String), /unknown format/);
  }
  env.transaction(() => {
    const format = { format: STORE_FORMAT + 1, store: 'b1f6a1d2-0000-4000-8000-000000000001' };
    env.table('meta').put(META.format, Buffer.from(JSON.stringify(format)));
  });
  await env.close();
  for (const command of [['verify'], ['rebuild'], ['export'], ['sweep', '--events-days', '1'], ['compact']]) {
    const { code, stderr } = await runSpyglass([...command, '--data', dataDir]);
    t.equal(code, 1, command.join(' '));
    t.match(stderr, /^spyglass: the store in \S+ has format \d+; this release reads up to \d+[^\n]*\n$/);
  }
});
