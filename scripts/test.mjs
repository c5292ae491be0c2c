/**
 * `npm test`: compiles and type-checks, lints, looks for dead code, then runs all tests except `test/long`, which
 * `npm run test:long` runs. `npm run test:quick` makes the same checks and runs only the quick folders. `npm test -- FILE…` compiles
 * and runs only those test files. Prints how long each step took, then `N passed, N failed`; exits 1 if anything failed.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fingerprint, isBuilt, markBuilt, ROOT, SetupError, setup } from './setup.mjs';

/** A hang is a failure; a slow machine is not. */
const FILE_TIMEOUT_S = process.argv.includes('--long') ? 2_700 : 900;
/** More than the cores of a small machine: some files wait more than they work. */
const JOBS = 3;
/** Tests in a browser depend on its timing: one that fails beside others runs once more, alone. */
const IN_BROWSER = /^dist\/test\/(long\/)?(sdk|dashboard)\//;
/** The files in here take longest, so they start first. */
const LONGEST = /^dist\/test\/(long\/)?model\//;

/** Tests that take minutes. */
const LONG = 'test/long';
/** These tests need an engine that `npm ci` does not install. */
const WITH_CLICKHOUSE = 'dist/test/long/clickhouse/';
/**
 * The quick folders, chosen by measuring every test file: their files take a second or two each. They start no browser, kill no process
 * and fill no large store. Folders within them do not count.
 */
const QUICK = [
  ...['', '/config', '/domain', '/ingest', '/replay', '/scripts', '/telemetry'],
  ...['/log/batches', '/log/file', '/log/wal', '/projections', '/projections/engine', '/store'],
  ...['/api/unit', '/clickhouse', '/client', '/dashboard/unit', '/sdk/unit'],
].map((folder) => `test${folder}`);

const TSC = 'node_modules/typescript/bin/tsc';
/** Each check: a title, a tool, its arguments. */
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
/** The steps with their durations, as text. */
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

/** Compiles incrementally, with types; bundles the SDK and the dashboard only if a source has changed. */
async function build() {
  const wasBuilt = isBuilt(ROOT);
  const sources = fingerprint(ROOT);
  const done = [await step('types and build', TSC, '-b', 'tsconfig.json')];
  if (wasBuilt) return;
  for (const bundle of ['sdk', 'dashboard'])
    done.push(await step(`the bundle of ${bundle}`, `${bundle}/build.mjs`));
  if (done.every(Boolean)) markBuilt(ROOT, sources);
}

/** Runs a checking tool and shows its output; counts as one test. */
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

/** Records how long `work` takes. */
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
 * Runs the test files, a few at a time, each in its own Node process. tap's runner would load a compiler into every one of them, and
 * they are compiled already. Prints one line for each file that passes, and the whole output of each that fails.
 */
async function runFiles(files) {
  console.log(`# ${files.length} test files`);
  const waiting = [...files].sort((a, b) => Number(LONGEST.test(b)) - Number(LONGEST.test(a)));
  const again = [];
  const runNext = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      await runFile(file, (failed) => IN_BROWSER.test(failed) && again.push(failed));
    }
  };
  await Promise.all(Array.from({ length: JOBS }, runNext));
  for (const file of again) await runFile(file, () => false);
}

/** `runsAgain` gets a file that failed, and returns whether it runs once more; then this run does not count. */
async function runFile(file, runsAgain) {
  const start = performance.now();
  const { code, output } = await runToEnd(file);
  const total = /^# \{ (total: .*) \}$/m.exec(output)?.[1] ?? '';
  const [passed, failed] = [numberAfter('pass', total), numberAfter('fail', total)];
  // A file that ended before its count, or that has no test, has failed, too.
  const isOk = code === 0 && failed === 0 && passed > 0;
  if (!isOk && runsAgain(file)) {
    console.log(
      `${output.replaceAll(/^not ok/gm, 'NOT OK')}\n# FAILED BESIDE OTHERS, runs again alone: ${file}`,
    );
    return;
  }
  totals.passed += passed;
  totals.failed += isOk ? 0 : Math.max(failed, 1);
  const line = `${isOk ? 'ok' : 'not ok'} - ${file} # ${passed} passed, ${secondsSince(start)} s`;
  console.log(isOk ? line : `${output}\n${line}${code === 0 ? '' : ` (ended with ${code})`}`);
}

/** Runs a test file; resolves with its output, and its exit code or the signal that ended it. */
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

/** The compiled file of each present test source; `dist` may hold more, of deleted sources. */
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

/** A path relative to the working folder, made relative to the root. */
function fromRoot(name) {
  return relative(ROOT, resolve(process.env.INIT_CWD ?? process.cwd(), name));
}

/** The compiled file of `test/x.test.ts`; other names stay as they are. */
function toCompiled(path) {
  return path.endsWith('.ts') && !path.startsWith('dist') ? join('dist', path.replace(/\.ts$/, '.js')) : path;
}
