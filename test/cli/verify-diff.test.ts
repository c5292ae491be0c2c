/** `spyglass verify --diff`: which answers this release would change, with the store left as it is. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openLog } from '../../src/log/batches/log.js';
import { DATA_FILE } from '../../src/log/file/data-dir.js';
import { type Env, openEnv } from '../../src/log/file/env.js';
import { readViewStates, writeViewStates } from '../../src/projections/engine/states.js';
import { runSpyglass } from '../support/command.js';
import { fillStore } from '../support/stores.js';

t.setTimeout(120_000);
const dir = t.testdir({});
const WHOLE = join(dir, 'whole');
await fillStore(WHOLE, { users: 4 });
const EVENTS_AT = 27;

async function changed(name: string, change: (env: Env) => void): Promise<string> {
  const copy = join(dir, name);
  cpSync(WHOLE, copy, { recursive: true });
  const env = openEnv(copy, { mode: 'write' });
  env.transaction(() => change(env));
  await env.close();
  return copy;
}

t.test('a store as this release folds it: nothing changes', async (t) => {
  const { code, stdout, stderr } = await runSpyglass(['verify', '--diff', '--data', WHOLE]);
  t.equal(code, 0, stderr);
  const asked = Number(/none of (\d+) answers would change\n$/.exec(stdout)?.[1]);
  t.ok(asked > 30, stdout);
});

t.test('a fold that counted otherwise: each answer that changes, and to what', async (t) => {
  const copy = await changed('counts', (env) => {
    for (const { key, value } of env.table('sessions').range({})) {
      const other = Buffer.from(value);
      other[EVENTS_AT] = 200;
      env.table('sessions').put(key, other);
    }
  });
  const before = readFileSync(join(copy, DATA_FILE));
  const { code, stdout } = await runSpyglass(['verify', '--diff', '--data', copy]);
  t.equal(code, 1);
  t.match(stdout, /^sessions of all apps: sessions\.0\.event_count was 200, would be \d+$/m);
  t.match(stdout, /^sessions of user \S+: sessions\.0\.event_count was 200, would be \d+$/m);
  t.notMatch(stdout, /^aggregates/m, 'and no other');
  t.match(stdout, /CHANGES .*: \d+ of \d+ answers would change, or cannot be compared\n$/);
  t.ok(readFileSync(join(copy, DATA_FILE)).equals(before), 'the store is as it was');
});

t.test('a view of another layout cannot be compared, and says so; the others are', async (t) => {
  const copy = await changed('layout', (env) => {
    const log = openLog(env);
    const states = readViewStates(log);
    writeViewStates(log, { ...states, users: { version: 0, checkpoint: log.counters().offset } });
  });
  const { code, stdout } = await runSpyglass(['verify', '--diff', '--data', copy]);
  t.equal(code, 1);
  t.match(stdout, /^view users goes from version 0 to \d+, whose rows are others: any answer may change$/m);
  t.equal(stdout.trim().split('\n').length, 2, stdout);
});
