/**
 * `npm test`: compiles and type-checks, lints, looks for dead code, then runs the tests. `npm test -- FILE…` compiles
 * and runs those test files only. Ends with one line `N passed, N failed` and, where tests failed, with tap's exit code.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fingerprint, markBuilt, ROOT, SetupError, setup } from './setup.mjs';

/** A hang is a failure; a slow machine is not. */
const FILE_TIMEOUT_S = 900;
const JOBS = 2;

const totals = { passed: 0, failed: 0 };
process.exitCode = await main(process.argv.slice(2));
console.log(`${totals.passed} passed, ${totals.failed} failed`);

/** Returns the exit code. */
async function main(names) {
  try {
    await setup({ set: 'all' });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    totals.failed += 1;
    return 1;
  }
  const sources = fingerprint(ROOT);
  const compiled = await step('types and build', 'node_modules/typescript/bin/tsc', ['-p', 'tsconfig.json']);
  if (compiled) markBuilt(ROOT, sources);
  if (names.length === 0) {
    await step('types of the dashboard', 'node_modules/typescript/bin/tsc', [
      '-p',
      'dashboard/tsconfig.json',
    ]);
    await step('lint and format', 'node_modules/@biomejs/biome/bin/biome', ['check', '.']);
    await step('dead code', 'node_modules/knip/bin/knip.js', []);
  }
  const files = names.length > 0 ? names.map(toCompiled) : testFiles('test');
  const code = await tap(files);
  if (code !== 0) return code;
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

/** Runs test files under tap, prints a line for each that passes and all there is to say about each that does not. */
async function tap(files) {
  console.log(`# ${files.length} test files`);
  const child = spawn(
    process.execPath,
    [
      join(ROOT, 'node_modules/tap/dist/esm/run.mjs'),
      '--disable-coverage',
      '--reporter=tap',
      `--jobs=${JOBS}`,
      `--timeout=${FILE_TIMEOUT_S}`,
      ...files,
    ],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let block = [];
  let failing = false;
  let counted = false;
  for await (const line of createInterface(child.stdout)) {
    const total = /^# \{ (total: .*) \}$/.exec(line)?.[1];
    if (total !== undefined) {
      totals.passed += numberAfter('pass', total);
      totals.failed += numberAfter('fail', total);
      counted = true;
    }
    if (/^(not )?ok /.test(line)) {
      failing = line.startsWith('not');
      console.log(failing ? [...block, line].join('\n') : line);
      block = [];
    } else if (/^# Subtest/.test(line)) {
      failing = false;
      block = [line];
    } else if (failing || line.startsWith('# ') || line.startsWith('Bail out')) {
      console.log(line);
    } else {
      block.push(line);
    }
  }
  const code = await new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode);
    else child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
  if (!counted) totals.failed += 1;
  return code;
}

function numberAfter(word, text) {
  return Number(new RegExp(`\\b${word}: (\\d+)`).exec(text)?.[1] ?? 0);
}

/** The compiled twin of each test source there is now; `dist` may hold some of sources long gone. */
function testFiles(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
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
