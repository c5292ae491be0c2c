/**
 * `npm run canary`: breaks the compiled collector on purpose, one guarantee at a time, and runs the test of the guarantee, which must
 * fail. `npm run canary -- WORD` runs those whose title or test has the word in it. Ends with `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from './compiled.mjs';
import { ROOT } from './setup.mjs';

/** Beside `dist`, so that the broken build finds the same packages. */
const BROKEN = join(ROOT, 'dist-canary');
const TEST_MS_MAX = 180_000;

/** Each replaces a piece of a compiled file (`from`) with another (`to`), and names the test that must fail. */
const CANARIES = [
  {
    title: 'an acknowledgement before its sync',
    file: 'src/log/wal/wal.js',
    from: 'fdatasyncSync(current.file);',
    to: '',
    test: 'test/long/cli/disk-faults.test.js',
    env: { SPYGLASS_FAULTS: '0' },
  },
  {
    title: 'a view off by one',
    file: 'src/projections/sessions.js',
    from: 'row.events++;',
    to: 'row.events += count > 1 ? 1 : 2;',
    test: 'test/model/store-model.test.js',
    env: { SPYGLASS_SEEDS: '5' },
  },
  {
    title: 'an insert into as many partitions of ClickHouse as a batch has months',
    file: 'src/clickhouse/partitions.js',
    from: 'if (isNarrow(rows))',
    to: 'if (true)',
    test: 'test/clickhouse/partitions.test.js',
  },
  {
    title: 'as many inserts into ClickHouse at once as come',
    file: 'src/clickhouse/intake-thread.js',
    from: 'inserts < INSERTS_MAX',
    to: 'true',
    test: 'test/clickhouse/ingest.test.js',
  },
  {
    title: 'an erasure on ClickHouse that nobody takes up again',
    file: 'src/clickhouse/erasures.js',
    from: 'return least?.worker === worker;',
    to: 'return false;',
    test: 'test/clickhouse/erasures.test.js',
  },
  {
    title: 'a collector on ClickHouse that deletes by its own clock alone',
    file: 'src/clickhouse/clocks.js',
    from: 'return fastMs > CLOCK_APART_MS ? fastMs : 0;',
    to: 'return 0;',
    test: 'test/clickhouse/clocks.test.js',
  },
  {
    title: 'no check of the origin',
    file: 'src/ingest/ingest.js',
    from: '!keyring.allowsOrigin(envelope.app, request.origin)',
    to: 'false',
    test: 'test/api/events-ingest.test.js',
  },
  {
    title: 'a body read before its key is looked at',
    file: 'src/ingest/intake.js',
    from: 'this.#door?.look(entry.request)',
    to: '{ known: {} }',
    test: 'test/ingest/intake.test.js',
  },
  {
    title: 'a search for the key that takes the first of two',
    file: 'src/ingest/door.js',
    from: 'judge(findCredentials(json), json)',
    to: 'judge(findCredentials(json, true), json)',
    test: 'test/api/ingest-checks.test.js',
  },
  {
    title: 'work for clients that hung up',
    file: 'src/ingest/intake.js',
    from: 'Atomics.load(this.#options.gone, place) === 1',
    to: 'false',
    test: 'test/ingest/intake.test.js',
  },
  {
    title: 'a queue that one address takes whole',
    file: 'src/ingest/room.js',
    from: 'share.requests >= left.requests || share.bytes >= left.bytes',
    to: 'false',
    test: 'test/ingest/queue.test.js',
  },
  {
    title: 'one app served after all of another',
    file: 'src/ingest/turns.js',
    from: 'lane.bytes -= item.bytes;',
    to: '',
    test: 'test/ingest/turns.test.js',
  },
  {
    title: 'times that cannot be',
    file: 'src/ingest/clock.js',
    from: 'shifted < MIN_TS || shifted > receivedAt + FUTURE_MS',
    to: 'false',
    test: 'test/api/ingest-clocks.test.js',
  },
  {
    title: 'batches without events that are remembered',
    file: 'src/ingest/ingest.js',
    from: ' && columns.ts.length > 0',
    to: '',
    test: 'test/ingest/ingest.test.js',
  },
  {
    title: 'no check of the host',
    file: 'src/api/guards/browser-guards.js',
    from: 'isLocalName(name) ||',
    to: 'true ||',
    test: 'test/security/browser-guards.test.js',
  },
  {
    title: "an app's reader who is not kept to the app",
    file: 'src/api/guards/access.js',
    from: 'asked === undefined ? apps : [asked]',
    to: 'asked === undefined ? undefined : [asked]',
    test: 'test/security/readers.test.js',
  },
  {
    title: 'an app named by a reader who may not ask about it',
    file: 'src/api/guards/access.js',
    from: 'app === undefined || apps.includes(app)',
    to: 'true',
    test: 'test/security/matrix.test.js',
  },
  {
    title: "an operator's route that answers a viewer",
    file: 'src/api/guards/access.js',
    from: "rule.role === 'operator'",
    to: 'false',
    test: 'test/security/readers.test.js',
  },
  {
    title: 'a listing that skips no app',
    file: 'src/questions/filter.js',
    from: 'apps.includes(batch.app)',
    to: 'true',
    test: 'test/questions/filter.test.js',
  },
  {
    title: 'figures of more apps than were asked for',
    file: 'src/store/answers/scope.js',
    from: 'appNumbers: (apps) => apps === undefined',
    to: 'appNumbers: (apps) => apps?.length !== 1',
    test: 'test/model/store-model.test.js',
    env: { SPYGLASS_SEEDS: '5' },
  },
  {
    title: 'somebody in two apps counted twice',
    file: 'src/projections/days.js',
    from: 'addKnown(bits, ofDay.get(block))',
    to: 'addKnown(bits, undefined)',
    test: 'test/store/answers/cut-days.test.js',
  },
  {
    title: 'an erasure that leaves texts behind',
    file: 'src/store/offline/erase.js',
    from: "forgetText(dictionary, 'name'",
    to: "(() => {})(dictionary, 'name'",
    test: 'test/long/security/erase.test.js',
  },
  {
    title: 'a lock whose holder never looks for another',
    file: 'src/log/file/writer-lock.js',
    from: 'await isFree(folder.path, own.name)',
    to: 'true',
    test: 'test/log/file/writer-lock.test.js',
  },
  {
    title: 'commands of anybody who reaches the socket',
    file: 'src/api/commands/answer-commands.js',
    from: "request.headers[SOCKET_HEADER] !== '1'",
    to: 'false',
    test: 'test/api/commands/answer-commands.test.js',
  },
  {
    title: 'commands that trust whoever listens',
    file: 'src/log/file/collector-socket.js',
    from: 'assertOwn(join(dataDir, name), socket, owner.uid);',
    to: '',
    test: 'test/long/cli/cut-off.test.js',
  },
  {
    title: 'a start that does not look for the release before',
    file: 'src/log/file/writer-lock.js',
    from: 'olderReleaseOpens(dataDir)',
    to: 'undefined',
    test: 'test/log/file/older-release.test.js',
  },
  {
    title: 'retries that are not remembered',
    file: 'src/log/batches/seen.js',
    from: 'const value = seen.get(key);',
    to: 'const value = undefined;',
    test: 'test/api/ingest-dedupe.test.js',
  },
  {
    title: 'a start that leaves the WAL unread',
    file: 'src/store/sides.js',
    from: 'kept.length > 0',
    to: 'false',
    test: 'test/cli/kill.test.js',
    env: { SPYGLASS_KILLS: '3' },
  },
  {
    title: 'a data file cut short that nobody looks at',
    file: 'src/log/file/data-file.js',
    from: 'return cutAt(file, first);',
    to: 'return undefined;',
    test: 'test/store/offline/damage.test.js',
  },
  {
    title: 'a view that takes over half-way',
    file: 'src/projections/engine/serving.js',
    from: 'state.checkpoint >= end',
    to: 'true',
    test: 'test/projections/engine/lifecycle.test.js',
  },
  {
    title: 'a store format without its fixture',
    file: 'src/log/batches/log.js',
    from: 'STORE_FORMAT = 1',
    to: 'STORE_FORMAT = 2',
    test: 'test/upgrade/upgrade.test.js',
  },
  {
    title: 'forwarded addresses believed of anybody',
    file: 'src/api/server.js',
    from: 'trusted_proxies?.length ? [...trusted_proxies] : false',
    to: 'true',
    test: 'test/security/proxies.test.js',
  },
  {
    title: 'forwarded addresses believed of nobody',
    file: 'src/api/server.js',
    from: 'trusted_proxies?.length ? [...trusted_proxies] : false',
    to: 'false',
    test: 'test/security/proxies.test.js',
  },
  {
    title: 'guessing without end',
    file: 'src/api/guards/auth.js',
    from: 'entry.times.length >= LOCKOUT_FAILURES',
    to: 'false',
    test: 'test/api/auth.test.js',
  },
  {
    title: 'bodies that inflate without end',
    file: 'src/ingest/body.js',
    from: 'maxOutputLength: maxBytes',
    to: '',
    test: 'test/security/limits.test.js',
  },
  {
    title: 'readers of the live feed without end',
    file: 'src/api/live/places.js',
    from: '(taken.get(key) ?? 0) >= max',
    to: 'false',
    test: 'test/security/limits.test.js',
  },
  {
    title: 'a password in the log',
    file: 'src/api/guards/auth.js',
    from: 'noteFailure(address, now)',
    to: 'noteFailure(console.error(presented?.password.toString()) ?? address, now)',
    test: 'test/security/secrets.test.js',
  },
  {
    title: 'a comparison that stops at the first password that fits',
    file: 'src/api/guards/access.js',
    from: 'access = { ...grant.access, name };',
    to: 'return { ...grant.access, name };',
    test: 'test/security/comparison.test.js',
  },
  {
    title: "another app's incident for whoever knows its id",
    file: 'src/store/answers/incident.js',
    from: 'apps.includes(event.app)',
    to: 'true',
    test: 'test/security/matrix.test.js',
  },
  {
    title: 'replays without a budget',
    file: 'src/store/disk-watch.js',
    from: 'hour.bytes + bytes > disk.replay_bytes_per_hour',
    to: 'false',
    test: 'test/security/disk-budget.test.js',
  },
  {
    title: 'a collector that calls home',
    file: 'src/store/disk-watch.js',
    from: 'let free = look();',
    to: "let free = look(); fetch('http://127.0.0.1:9999/').catch(() => {});",
    test: 'test/security/air-gap.test.js',
  },
];

await compile();
const [word = ''] = process.argv.slice(2);
const chosen = CANARIES.filter(({ title, test }) => title.includes(word) || test.includes(word));
let failed = 0;
try {
  rmSync(BROKEN, { recursive: true, force: true });
  cpSync(join(ROOT, 'dist'), BROKEN, { recursive: true });
  for (const canary of chosen) {
    const caught = isCaught(canary);
    if (!caught) failed += 1;
    console.log(`${caught ? 'ok' : 'not ok'} - ${canary.test} notices ${canary.title}`);
  }
} finally {
  rmSync(BROKEN, { recursive: true, force: true });
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Whether the test fails with the broken build; throws if it fails with the unbroken one, too. */
function isCaught({ file, from, to, test, env = {} }) {
  const path = join(BROKEN, file);
  const whole = readFileSync(path, 'utf8');
  if (!whole.includes(from)) throw new Error(`${file} does not contain \`${from}\`: update the canary`);
  if (run(test, env) !== 0) throw new Error(`${test} fails with the unbroken build`);
  writeFileSync(path, whole.replace(from, to));
  try {
    return run(test, env) !== 0;
  } finally {
    writeFileSync(path, whole);
  }
}

/** The exit code of a test file; a hang is a failure. */
function run(test, env) {
  const { status } = spawnSync(process.execPath, [join(BROKEN, test)], {
    cwd: ROOT,
    env: { ...process.env, TAP_TIMEOUT: String(TEST_MS_MAX / 1_000), ...env },
    stdio: 'ignore',
    timeout: TEST_MS_MAX,
    killSignal: 'SIGKILL',
  });
  return status;
}
