/** Makes a clone ready to run: installs what is missing or stale, compiles what changed. Needs only Node. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const NODE_MAJOR_MIN = 20;
/** Says what was installed, from which lock file. npm empties `node_modules` first, so the stamp never outlives its tree. */
const INSTALL_STAMP = 'node_modules/.spyglass-install.json';
/** Says from which sources `dist` was compiled. */
const BUILD_STAMP = 'dist/.build.json';
const FULL_BUILD_INFO = 'dist/tsconfig.tsbuildinfo';
const MAIN = 'dist/src/cli/main.js';
/** Built files that the collector serves: the SDK's script and the dashboard's page. */
const SERVED = ['dist/public/sdk/spyglass.js', 'dist/dashboard/index.html'];
/** The sources of the collector, the SDK and the dashboard. */
const SOURCES = [
  'src',
  'sdk/src',
  'sdk/build.mjs',
  'client/src',
  'dashboard',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
];

/** The holder of the lock touches its file this often; a file that is older than `LOCK_STALE_MS` has no holder. */
const LOCK_TOUCH_MS = 1_000;
const LOCK_STALE_MS = 10_000;
const LOCK_POLL_MS = 200;

/** A failure that is shown as its message, without a stack. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * The workspaces of each set: 'run' is what `npm start` needs, 'clickhouse' adds the client of that engine, 'all' the tools of
 * `npm test`. Each set contains the sets before it.
 */
const SETS = {
  run: ['sdk', 'dashboard'],
  clickhouse: ['sdk', 'dashboard', 'src/clickhouse'],
  all: [],
};
const WIDER = Object.keys(SETS);

/**
 * Installs and compiles what is missing, one process at a time; when nothing is missing it only reads a few dozen file times.
 * `set` is one of `SETS`. A caller that compiles by itself passes `compiles: false`. `run` executes npm and the compiler; tests replace it. Throws `SetupError`.
 */
export async function setup({
  root = ROOT,
  set = 'run',
  compiles = true,
  run = execute,
  say = console.error,
} = {}) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_MAJOR_MIN)
    throw new SetupError(`Node ${NODE_MAJOR_MIN} or newer is needed, this is ${process.version}.`);
  const isReady = () => !compiles || isBuilt(root);
  if (isInstalled(root, set) && isReady()) return;
  await withLock(join(root, 'dist', '.setup.lock'), say, async () => {
    if (!isInstalled(root, set)) await install(root, set, run, say);
    if (!isReady()) await build(root, run, say);
  });
}

/** Whether `node_modules` has every package of the set in the version of the lock file. */
export function isInstalled(root, set) {
  const lock = hash(readFileSync(join(root, 'package-lock.json')));
  const stamp = readJson(join(root, INSTALL_STAMP));
  if (stamp?.lock === lock && WIDER.indexOf(stamp.set) >= WIDER.indexOf(set)) return true;
  if (!hasEveryPackage(root)) return false;
  try {
    writeJson(join(root, INSTALL_STAMP), { lock, set: 'all' });
  } catch {
    // A read-only tree is checked again at the next start.
  }
  return true;
}

/** Whether `dist` was compiled from the present sources, by their names, sizes and times. */
export function isBuilt(root) {
  const stamp = readJson(join(root, BUILD_STAMP));
  return (
    stamp?.sources === fingerprint(root) && [MAIN, ...SERVED].every((output) => exists(join(root, output)))
  );
}

/** Writes the stamp of `dist`; `sources` is the `fingerprint` from before the compiler read them. */
export function markBuilt(root, sources) {
  writeJson(join(root, BUILD_STAMP), { sources });
}

/** A digest of the names, sizes and times of files: the sources, unless `paths` names others. */
export function fingerprint(root, paths = SOURCES) {
  const digest = createHash('sha1');
  const visit = (path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (!stat.isDirectory()) return digest.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`);
    for (const name of readdirSync(join(root, path)).sort()) {
      if (name !== 'node_modules') visit(`${path}/${name}`);
    }
  };
  paths.forEach(visit);
  return digest.digest('hex');
}

/** Whether npm's own record of the tree has each package of the lock file, so that a plain `npm ci` counts. */
function hasEveryPackage(root) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {};
  const present = readJson(join(root, 'node_modules/.package-lock.json'))?.packages;
  if (present === undefined) return false;
  return Object.entries(wanted).every(
    ([path, entry]) =>
      !path.includes('node_modules/') ||
      entry.optional === true ||
      entry.devOptional === true ||
      entry.peer === true ||
      (present[path] !== undefined && present[path].version === entry.version),
  );
}

async function install(root, set, run, say) {
  // A tree that has the development tools keeps them.
  const before = readJson(join(root, INSTALL_STAMP))?.set;
  const wider = WIDER[Math.max(WIDER.indexOf(before), WIDER.indexOf(set))];
  const besides = { run: '', clickhouse: ' and the client of ClickHouse', all: ' and development tools' }[
    set
  ];
  say(`Installing dependencies${besides} (only when they change) …`);
  const lock = hash(readFileSync(join(root, 'package-lock.json')));
  const { code, output } = await run(
    ...npm([
      'ci',
      ...SETS[wider].map((workspace) => `--workspace=${workspace}`),
      ...(wider === 'all' ? [] : ['--include-workspace-root']),
      '--include=dev', // the compiler is one, and NODE_ENV=production would leave it out
      '--engine-strict=false', // two packages ask for a newer Node than they need
      '--prefer-offline',
      '--loglevel=error',
      '--fetch-retry-mintimeout=1000',
      '--fetch-retry-maxtimeout=5000',
    ]),
    root,
  );
  if (code !== 0)
    throw new SetupError(
      `Installing dependencies failed: ${npmReason(output)}. Is the network reachable? \`npm ci\` tells more.`,
    );
  writeJson(join(root, INSTALL_STAMP), { lock, set: wider });
}

async function build(root, run, say) {
  say('Compiling (only when the sources change) …');
  const sources = fingerprint(root);
  // The full compile's record of its output becomes wrong: this compile overwrites the output.
  rmSync(join(root, FULL_BUILD_INFO), { force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  // `npm test` checks the types; a start needs only the output.
  for (const command of [
    [tsc, '-p', 'tsconfig.build.json', '--noCheck'],
    [join(root, 'sdk/build.mjs')],
    [join(root, 'dashboard/build.mjs')],
  ]) {
    const { code, output } = await run(process.execPath, command, root);
    if (code !== 0) throw new SetupError(`Compiling failed:\n${output.trim()}`);
  }
  markBuilt(root, sources);
}

/** The command to run npm: the npm that started this script, if one did. */
function npm(args) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('npm-cli.js')) return [process.execPath, [script, ...args]];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', args];
}

/** The error code in npm's output, or else its last line. */
function npmReason(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const code = lines.map((line) => /npm (?:error|ERR!) code (\S+)/.exec(line)?.[1]).find(Boolean);
  return code ?? lines.at(-1)?.trim() ?? 'npm could not be run';
}

/** Runs a program to its end without a terminal; one that cannot be started counts as failed. */
function execute(command, args, cwd) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: command.endsWith('.cmd'), // Node starts batch files through a shell only
    });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => resolve({ code: 1, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * Does `work` while holding the lock file; waits for another holder first. A holder touches the file every second, so the age of the
 * file shows that its holder crashed.
 */
async function withLock(file, say, work) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  while (!tryLock(file)) {
    if (!told) say('Another process is setting up this folder; waiting for it …');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimesSync(file, now, now);
  }, LOCK_TOUCH_MS);
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    await work();
  } finally {
    clearInterval(touching);
    process.off('exit', release);
    release();
  }
}

function tryLock(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat !== undefined && Date.now() - stat.mtimeMs > LOCK_STALE_MS) rmSync(file, { force: true });
  try {
    closeSync(openSync(file, 'wx'));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw new SetupError(`This folder cannot be written to: ${error.message}`);
  }
}

function hash(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function exists(path) {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The file's JSON, or undefined for a missing or incomplete file. */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeJson(file, value) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(value)}\n`);
}
