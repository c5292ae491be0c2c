/**
 * `npm test`: compiles and type-checks, lints, looks for dead code, then runs the tests but those of `test/long`, which
 * `npm run test:long` runs. `npm test -- FILE…` compiles and runs those test files only. Ends with one line
 * `N passed, N failed`, and with exit code 1 where anything failed.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fingerprint, markBuilt, ROOT, SetupError, setup } from './setup.mjs';

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

const totals = { passed: 0, failed: 0 };
process.exitCode = await main(process.argv.slice(2));
console.log(`${totals.passed} passed, ${totals.failed} failed`);

/** Returns the exit code. */
async function main(args) {
  const isLong = args.includes('--long');
  const names = args.filter((arg) => arg !== '--long');
  try {
    await setup({ set: 'all' });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    totals.failed += 1;
    return 1;
  }
  const sources = fingerprint(ROOT);
  const compiled = await step('types and build', 'node_modules/typescript/bin/tsc', ['-b', 'tsconfig.json']);
  const bundled = await step('the SDK', 'sdk/build.mjs', []);
  if (compiled && bundled) markBuilt(ROOT, sources);
  if (names.length === 0 && !isLong) {
    await step('types of the dashboard', 'node_modules/typescript/bin/tsc', [
      '-p',
      'dashboard/tsconfig.json',
    ]);
    await step('lint and format', 'node_modules/@biomejs/biome/bin/biome', ['check', '.']);
    await step('dead code', 'node_modules/knip/bin/knip.js', []);
    await step("the SDK's types", 'sdk/build.mjs', ['--types']);
    await step("the SDK's package", 'node_modules/publint/src/cli.js', ['sdk', '--strict']);
  }
  const files = names.length > 0 ? names.map(toCompiled) : testFiles(isLong ? LONG : 'test');
  if (files.some((file) => file.startsWith(WITH_CLICKHOUSE))) {
    await step('ClickHouse', 'scripts/clickhouse.mjs', []);
  }
  await runFiles(files);
  return totals.failed > 0 ? 1 : 0;
}

/** Runs a checking tool; its output shows as it comes. Counts as one passed or failed. */
async function step(title, tool, args) {
  console.log(`# ${title}`);
  const code = await new Promise((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, tool), ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('close', resolve);
  });
  console.log(`${code === 0 ? 'ok' : 'not ok'} - ${title}`);
  totals[code === 0 ? 'passed' : 'failed'] += 1;
  return code === 0;
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
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  const line = `${isOk ? 'ok' : 'not ok'} - ${file} # ${passed} passed, ${seconds} s`;
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
function testFiles(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (path === LONG) return [];
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(path);
      return entry.name.endsWith('.test.ts') ? [toCompiled(path)] : [];
    })
    .sort();
}

/** `test/x.test.ts`, relative to here or to the root, as its compiled file; any other name as it is. */
function toCompiled(name) {
  const path = relative(ROOT, resolve(process.env.INIT_CWD ?? process.cwd(), name));
  return path.endsWith('.ts') && !path.startsWith('dist') ? join('dist', path.replace(/\.ts$/, '.js')) : path;
}
