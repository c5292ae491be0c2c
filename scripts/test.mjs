/**
 * `npm test`: compiles and type-checks, lints, looks for dead code, then runs all tests except `test/long`, which
 * `npm run test:long` runs. `npm test -- FILE…` compiles and runs only those test files. Prints `N passed, N failed` at the end, and
 * exits 1 if anything failed.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fingerprint, markBuilt, ROOT, SetupError, setup } from './setup.mjs';

/** A hang is a failure; a slow machine is not. */
const FILE_TIMEOUT_S = process.argv.includes('--long') ? 2_700 : 900;
/** More than the cores of a small machine: some files wait more than they work. */
const JOBS = 3;
/** Tests in a browser depend on its timing: one that fails beside others runs once more, alone. */
const IN_BROWSER = /^dist\/test\/(long\/)?(sdk|dashboard)\//;
/** The files in here take longest, so they start first. */
const LONGEST = 'dist/test/model/';

/** Tests that take minutes. */
const LONG = 'test/long';
/** These tests need an engine that `npm ci` does not install. */
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

/** Runs a checking tool and shows its output; counts as one test. */
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
 * Runs the test files, a few at a time, each in its own Node process. tap's runner would load a compiler into every one of them, and
 * they are compiled already. Prints one line for each file that passes, and the whole output of each that fails.
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
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  const line = `${isOk ? 'ok' : 'not ok'} - ${file} # ${passed} passed, ${seconds} s`;
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

/** The compiled file of `test/x.test.ts`, relative to the working folder; other names stay as they are. */
function toCompiled(name) {
  const path = relative(ROOT, resolve(process.env.INIT_CWD ?? process.cwd(), name));
  return path.endsWith('.ts') && !path.startsWith('dist') ? join('dist', path.replace(/\.ts$/, '.js')) : path;
}
