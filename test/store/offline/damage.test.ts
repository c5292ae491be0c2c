/**
 * Damaged stores, each in its own way: `verify` names what and where, and a start is safe, or refused in one line. In no
 * case is an answer made up of what is left.
 */
import { cpSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import t from 'tap';
import { META, openLog } from '../../../src/log/batches/log.js';
import { DATA_FILE } from '../../../src/log/file/data-dir.js';
import { type Env, openEnv } from '../../../src/log/file/env.js';
import { u48 } from '../../../src/log/file/keys.js';
import { readViewStates, writeViewStates } from '../../../src/projections/engine/states.js';
import { chunkFilesIn, chunkPath } from '../../../src/replay/files.js';
import { verifyStore } from '../../../src/store/offline/verify.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';
import { startCollector } from '../../support/collector.js';
import { runSpyglass } from '../../support/command.js';
import { ask } from '../../support/http.js';
import { fillStore } from '../../support/stores.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(180_000);

const dir = t.testdir({});
const WHOLE = join(dir, 'whole');
await fillStore(WHOLE, { users: 4 });

function copyOf(name: string): string {
  const copy = join(dir, name.replaceAll(/\W+/g, '-'));
  cpSync(WHOLE, copy, { recursive: true });
  return copy;
}

async function tamper(dataDir: string, change: (env: Env) => void): Promise<void> {
  const env = openEnv(dataDir, { mode: 'write' });
  env.transaction(() => change(env));
  await env.close();
}

const flipBatch = (env: Env): void => {
  const log = env.table('log', { compressed: true });
  for (const { key, value } of log.range({ limit: 1 })) {
    const wrong = Buffer.from(value);
    wrong[20] = (wrong[20] ?? 0) ^ 1;
    log.put(key, wrong);
  }
};

async function sessionsOf(dataDir: string): Promise<unknown[]> {
  const store = await openLmdbStore({ dataDir });
  try {
    return (await store.ask('sessions', { limit: 500 })).sessions;
  } finally {
    await store.close();
  }
}

/** The one line of a command that refuses. */
async function refusal(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runSpyglass(args);
  t.equal(code, 1, `${args[0]} ends with 1: ${stdout}${stderr}`);
  t.match(stderr, /^spyglass: [^\n]+\n$/, `${args[0]} says it in one line`);
  return stderr;
}

t.test('a flipped byte in a batch: named, and what needs the batch is refused, nothing else', async (t) => {
  const copy = copyOf('batch');
  await tamper(copy, flipBatch);
  t.match((await verifyStore(copy, () => {})).problem, /^log: batch at \d+: checksum does not hold/);
  const collector = await startCollector({ dataDir: copy });
  t.teardown(() => collector.close());
  const event = { user_id: 'u', session_id: 's', type: 'event', name: 'after' };
  t.equal((await collector.send([event])).status, 204);
  t.equal((await collector.get('/v1/query/aggregates')).status, 200, 'a view is not the batch');
  t.equal((await collector.get('/v1/query/events?limit=1')).status, 200);
  let status = 200;
  for (let cursor: string | undefined = ''; cursor !== undefined && status === 200; ) {
    const answer = await ask(collector.url, `/v1/query/events?limit=500&cursor=${cursor}`);
    status = answer.status;
    cursor = status === 200 ? JSON.parse(answer.text).next_cursor : undefined;
  }
  t.equal(status, 500, 'a listing that comes to it fails, and is not shortened');
  t.ok(
    collector.lines.some((line) => /batch at \d+: checksum does not hold/.test(line)),
    'and the log says which',
  );
});

t.test('a view that must be folded over it is refused by itself', async (t) => {
  const copy = copyOf('batch and view');
  await tamper(copy, (env) => {
    flipBatch(env);
    const log = openLog(env);
    const { sessions: _, ...others } = readViewStates(log);
    writeViewStates(log, others);
  });
  const collector = await startCollector({ dataDir: copy });
  t.teardown(() => collector.close());
  t.equal((await collector.get('/readyz')).status, 200);
  const refused = await ask(collector.url, '/v1/query/sessions');
  t.equal(refused.status, 503);
  t.match(refused.headers['retry-after'], /^\d+$/);
  t.equal((await collector.get('/v1/query/aggregates')).status, 200);
  const event = { user_id: 'u', session_id: 's', type: 'event', name: 'after' };
  t.equal((await collector.send([event])).status, 204);
  t.equal((await collector.get('/v1/query/aggregates')).status, 200);
  t.match(
    collector.lines.find((line) => line.includes('"level":50')),
    /view sessions cannot be folded.*batch at \d+/,
  );
});

t.test('a data file cut short anywhere: refused in one line, or whole without what was cut', async (t) => {
  const { size } = statSync(join(WHOLE, DATA_FILE));
  for (const bytes of [100, 4_096, 3 * 4_096, Math.floor(size / 2), size - 4_096, size - 1]) {
    const copy = copyOf(`cut to ${bytes}`);
    truncateSync(join(copy, DATA_FILE), bytes);
    const { code, stdout, stderr } = await runSpyglass(['verify', '--data', copy]);
    t.ok(code === 0 || code === 1, `${bytes}: ended by itself, with ${code}: ${stderr}`);
    if (code === 0) continue;
    t.equal(stdout, '');
    t.match(stderr, /^spyglass: cannot open [^\n]+\n$/, `${bytes}`);
    rmSync(copy, { recursive: true });
  }
  const half = copyOf('half');
  truncateSync(join(half, DATA_FILE), Math.floor(size / 2));
  t.match(await refusal('sweep', '--data', half, '--events-days', '1'), /cut short: of \d+ pages it lacks/);
});

t.test('a chunk whose file is gone: named by app, session and number', async (t) => {
  const copy = copyOf('chunk');
  const [lost = ''] = chunkFilesIn(copy);
  rmSync(chunkPath(copy, lost));
  t.match(
    (await verifyStore(copy, () => {})).problem,
    /^1 replay chunks have lost their files; the first is app inventory, session \S+, chunk \d+, file [0-9a-f]{32}$/,
  );
});

t.test('a table of a view that is gone: named, and folded anew by the next start', async (t) => {
  const before = await sessionsOf(WHOLE);
  t.ok(before.length > 0);
  for (const table of ['sessions', 'sessions_order', 'streams']) {
    const copy = copyOf(`without ${table}`);
    const root = open({ path: join(copy, DATA_FILE), noSubdir: true, maxDbs: 99, keyEncoding: 'binary' });
    root.openDB(table, { keyEncoding: 'binary' }).dropSync();
    await root.close();
    t.match((await verifyStore(copy, () => {})).problem, `table ${table}: it is gone`);
    t.same(await sessionsOf(copy), before);
    t.equal((await verifyStore(copy, () => {})).problem, undefined);
  }
});

t.test('what the store knows of itself, damaged: refused in one line where it is needed', async (t) => {
  const cases: Record<string, [change: (env: Env) => void, line: RegExp]> = {
    'no format': [(env) => env.table('meta').remove(META.format), /says no format/],
    'a format that is no JSON': [
      (env) => env.table('meta').put(META.format, Buffer.from('{"for')),
      /a format that cannot be read/,
    ],
    'no counters': [(env) => env.table('meta').remove(META.next), /has lost its counters/],
    'counters cut short': [(env) => env.table('meta').put(META.next, u48(5)), /has lost its counters/],
    'counters that begin again': [
      (env) => {
        const value = Buffer.from(env.table('meta').get(META.next) ?? '');
        value.writeUIntBE(7, 0, 6);
        env.table('meta').put(META.next, value);
      },
      /holds id \d+, and would give 7 next/,
    ],
    'a fence cut short': [(env) => env.table('meta').put(META.fence, Buffer.from('x')), /lost its fence/],
  };
  for (const [name, [change, line]] of Object.entries(cases)) {
    const copy = copyOf(name);
    await tamper(copy, change);
    const refused = { name: 'StoreUnusable', message: line };
    await t.rejects(
      verifyStore(copy, () => {}),
      refused,
      `${name}: verify`,
    );
    await t.rejects(openLmdbStore({ dataDir: copy }), refused, `${name}: a start`);
    await t.rejects(openLmdbStore({ dataDir: copy }), refused, `${name}: the second start as well`);
  }
  t.match(await refusal('verify', '--data', join(dir, 'no-format')), /restore a backup/);
});

t.test('what it knows of its views, damaged: they are folded anew', async (t) => {
  const copy = copyOf('states');
  await tamper(copy, (env) => env.table('meta').put(META.views, Buffer.from('{"ses')));
  t.match((await verifyStore(copy, () => {})).problem, /another release, or never/);
  t.same(await sessionsOf(copy), await sessionsOf(WHOLE));
  t.equal((await verifyStore(copy, () => {})).problem, undefined);
});
