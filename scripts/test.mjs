/**
 * `npm test`: compiles and type-checks, lints, looks for dead code, then runs the tests but those of `test/long`, which
 * `npm run test:long` runs. `npm run test:quick` makes the same checks and runs the folders that are quick. `npm test -- FILE…`
 * compiles and runs those test files only. Ends with what took how long, and one line `N passed, N failed`; exits 1 where anything
 * failed.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fingerprint, isBuilt, markBuilt, ROOT, SetupError, setup } from './setup.mjs';

/** A hang is a failure; a slow machine is not. */
const FILE_TIMEOUT_S = process.argv.includes('--long') ? 2_700 : 900;
/** On two cores too: some files wait more than they work. */
const JOBS = 3;
/** Tests in a browser depend on when it gets round to things: one that fails beside others is asked once more, alone. */
const IN_BROWSER = /^dist\/test\/(long\/)?(sdk|dashboard)\//;
/** The files in here take longest; begun last, they would end alone. */
const LONGEST = 'dist/test/model/';

/** Tests that take minutes. */
const LONG = 'test/long';
/** These need an engine that is too large for `node_modules`. */
const WITH_CLICKHOUSE = 'dist/test/long/clickhouse/';
/**
 * Whose files take a second or two each: chosen by measuring every file. No browser, no process that is killed, no store but a small
 * one. Of each, the files themselves and not the folders within it.
 */
const QUICK = [
  ...['', '/config', '/domain', '/ingest', '/replay', '/scripts', '/telemetry'],
  ...['/log/batches', '/log/file', '/log/wal', '/projections', '/projections/engine', '/store'],
  ...['/api/unit', '/clickhouse', '/client', '/dashboard/unit', '/sdk/unit'],
].map((folder) => `test${folder}`);

const TSC = 'node_modules/typescript/bin/tsc';
/** What is checked besides the tests: a title, a tool, its arguments. */
const CHECKS = [
  ['types of the dashboard', TSC, '-p', 'dashboard/tsconfig.json'],
  ['lint and format', 'node_modules/@biomejs/biome/bin/biome', 'check', '.'],
  ['dead code', 'node_modules/knip/bin/knip.js'],
];
const PACKAGE_CHECKS = [
  ["the SDK's types", 'sdk/build.mjs', '--types'],
  ["the SDK's package", 'node_modules/publint/src/cli.js', 'sdk', '--strict'],
];

const totals = { passed: 0, failed: 0 };
/** What took how long, in words. */
const times = [];
process.exitCode = await main(process.argv.slice(2));
if (times.length > 0) console.log(`# ${times.join(', ')}`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);

/** Returns the exit code. */
async function main(args) {
  const isLong = args.includes('--long');
  const isQuick = args.includes('--quick');
  const names = args.filter((arg) => !arg.startsWith('--'));
  try {
    await timed('setting up', () => setup({ set: 'all', compiles: false }));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    totals.failed += 1;
    return 1;
  }
  await build();
  if (names.length === 0 && !isLong) {
    for (const check of isQuick ? CHECKS : [...CHECKS, ...PACKAGE_CHECKS]) await step(...check);
  }
  const files = names.length > 0 ? names.map(fromRoot).map(toCompiled) : chosen(isLong, isQuick);
  if (files.some((file) => file.startsWith(WITH_CLICKHOUSE)))
    await step('ClickHouse', 'scripts/clickhouse.mjs');
  await timed(`${files.length} test files`, () => runFiles(files));
  return totals.failed > 0 ? 1 : 0;
}

/** Compiles with types and without what is left from before; bundles only when something of theirs has changed. */
async function build() {
  const wasBuilt = isBuilt(ROOT);
  const sources = fingerprint(ROOT);
  const done = [await step('types and build', TSC, '-b', 'tsconfig.json')];
  if (wasBuilt) return;
  for (const bundle of ['sdk', 'dashboard'])
    done.push(await step(`the bundle of ${bundle}`, `${bundle}/build.mjs`));
  if (done.every(Boolean)) markBuilt(ROOT, sources);
}

/** Runs a checking tool; its output shows as it comes. Counts as one passed or failed. */
async function step(title, tool, ...args) {
  console.log(`# ${title}`);
  const code = await timed(title, () => {
    const child = spawn(process.execPath, [join(ROOT, tool), ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return new Promise((resolve) => child.once('close', resolve));
  });
  console.log(`${code === 0 ? 'ok' : 'not ok'} - ${title}`);
  totals[code === 0 ? 'passed' : 'failed'] += 1;
  return code === 0;
}

/** Takes note of how long something takes. */
async function timed(title, work) {
  const start = performance.now();
  const result = await work();
  times.push(`${title} ${secondsSince(start)} s`);
  return result;
}

function secondsSince(start) {
  return ((performance.now() - start) / 1_000).toFixed(1);
}

/**
 * Runs the test files, a few at a time, each in a Node of its own: tap's tests are programs. Its runner would load a compiler
 * into every one of them, for tests that are compiled already. Prints a line for each file that passes and all it wrote for
 * each that does not.
 */
async function runFiles(files) {
  console.log(`# ${files.length} test files`);
  const waiting = [...files].sort((a, b) => Number(b.startsWith(LONGEST)) - Number(a.startsWith(LONGEST)));
  const again = [];
  const runNext = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      await runFile(file, (failed) => IN_BROWSER.test(failed) && again.push(failed));
    }
  };
  await Promise.all(Array.from({ length: JOBS }, runNext));
  for (const file of again) await runFile(file, () => false);
}

/** `isAskedAgain` hears of a file that fails, and says whether it gets another chance: then this one does not count. */
async function runFile(file, isAskedAgain) {
  const start = performance.now();
  const { code, output } = await runToEnd(file);
  const total = /^# \{ (total: .*) \}$/m.exec(output)?.[1] ?? '';
  const [passed, failed] = [numberAfter('pass', total), numberAfter('fail', total)];
  // A file that broke off before it could count has failed all the same, and so has one without a test in it.
  const isOk = code === 0 && failed === 0 && passed > 0;
  if (!isOk && isAskedAgain(file)) {
    console.log(
      `${output.replaceAll(/^not ok/gm, 'NOT OK')}\n# FAILED BESIDE OTHERS, asked again alone: ${file}`,
    );
    return;
  }
  totals.passed += passed;
  totals.failed += isOk ? 0 : Math.max(failed, 1);
  const line = `${isOk ? 'ok' : 'not ok'} - ${file} # ${passed} passed, ${secondsSince(start)} s`;
  console.log(isOk ? line : `${output}\n${line}${code === 0 ? '' : ` (ended with ${code})`}`);
}

/** Settles with all a test file wrote, and its exit code or the signal that ended it. */
function runToEnd(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], {
      cwd: ROOT,
      env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(FILE_TIMEOUT_S) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), (FILE_TIMEOUT_S + 60) * 1_000);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, output });
    });
  });
}

function numberAfter(word, text) {
  return Number(new RegExp(`\\b${word}: (\\d+)`).exec(text)?.[1] ?? 0);
}

/** The compiled twin of each test source there is now; `dist` may hold some of sources long gone. */
function chosen(isLong, isQuick) {
  const top = isLong ? LONG : 'test';
  return readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' })
    .map((file) => `${top}/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.test.ts') && !file.includes('/node_modules/'))
    .filter((file) => isLong || !file.startsWith(`${LONG}/`))
    .filter((file) => !isQuick || QUICK.includes(dirname(file)))
    .map(toCompiled)
    .sort();
}

/** What somebody calls a test file from where they are, seen from the root. */
function fromRoot(name) {
  return relative(ROOT, resolve(process.env.INIT_CWD ?? process.cwd(), name));
}

/** `test/x.test.ts` as its compiled file; any other name as it is. */
function toCompiled(path) {
  return path.endsWith('.ts') && !path.startsWith('dist') ? join('dist', path.replace(/\.ts$/, '.js')) : path;
}
