/**
 * `npm run dev`: runs the collector from the sources and starts it anew whenever one of them changes; pages that are open reload.
 * What follows `--` is for `spyglass serve`. Ctrl-C ends it all.
 */
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startReload } from './reload.mjs';
import { fingerprint, isBuilt, ROOT, SetupError, setup } from './setup.mjs';

/** A save is several events. */
const SETTLE_MS = 100;
/** What is bundled, and from where. The server's sources are watched by their compiler. */
const BUNDLES = { 'the SDK': 'sdk', 'the dashboard': 'dashboard' };

const children = new Set();
let collector;
let reload;
let compiled;
let closing = false;
/** One thing after the other: builds, stops and starts. */
let last = Promise.resolve();

const say = (line) => console.log(`dev: ${line}`);
const next = (work) => {
  last = last.then(() => (closing ? undefined : work())).catch((error) => say(error.stack));
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, close);
try {
  await setup({ set: 'all', compiles: false });
  for (const [name, folder] of Object.entries(BUNDLES)) {
    if (!isBuilt(ROOT)) next(() => bundle(name, folder));
    watchFolder(folder, () => next(async () => (await bundle(name, folder)) && restart(`${name} changed`)));
  }
  next(watchSources);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** Runs a program of Node's as a child that ends with this process. */
function start(args, stdio) {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio });
  children.add(child);
  child.ended = new Promise((resolve) => child.once('close', resolve));
  child.ended.then(() => children.delete(child));
  return child;
}

/** Returns whether it could be built; what is wrong has been said. */
async function bundle(name, folder) {
  const code = await start([`${folder}/build.mjs`], 'inherit').ended;
  if (code !== 0 && !closing) say(`${name} is left as it was`);
  return code === 0;
}

function watchFolder(folder, changed) {
  let timer;
  watch(join(ROOT, folder), { recursive: true }, (_event, file) => {
    if (/^(node_modules|dist)\b/.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS);
  }).unref();
}

/** Compiles the server, the tests and the SDK's types, and again whenever a source changes. */
function watchSources() {
  const flags = ['-b', 'tsconfig.json', '--watch', '--preserveWatchOutput', '--pretty', 'false'];
  const compiler = start(['node_modules/typescript/bin/tsc', ...flags], ['ignore', 'pipe', 'inherit']);
  createInterface(compiler.stdout).on('line', (line) => {
    if (/error TS|^ /.test(line)) console.log(line);
    const found = /Found (\d+) errors?\. Watching/.exec(line)?.[1];
    if (found !== undefined) next(() => useCompiled(Number(found)));
  });
}

/** A type that is wrong keeps no program from running. */
function useCompiled(errors) {
  const before = compiled;
  compiled = fingerprint(ROOT, ['dist/src']);
  if (errors > 0) say(`${errors} ${errors === 1 ? 'error' : 'errors'} of types`);
  if (compiled !== before) return restart(before && 'a source changed');
}

async function restart(why) {
  const startMs = performance.now();
  reload?.down();
  collector?.kill('SIGTERM');
  await collector?.ended;
  const url = await serve();
  if (url === undefined) return;
  if (!reload) {
    reload = await startReload(Number(new URL(url).port) + 1);
    say(`open ${reload.url} (the collector itself is ${url})`);
  } else say(`${why}: started anew in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`);
  reload.up(url);
}

/** Starts the collector; settles with where it answers, or with undefined when it ended before that. */
async function serve() {
  const child = start(
    ['dist/src/cli/main.js', 'serve', ...process.argv.slice(2)],
    ['ignore', 'pipe', 'inherit'],
  );
  collector = child;
  child.ended.then((code) => {
    if (collector === child && code !== 0 && !closing)
      say(`the collector ended with ${code}; a change starts it anew`);
  });
  const url = new Promise((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line.startsWith('Wrote')) console.log(line);
      const found = /^ +dashboard +(\S+)$/.exec(line)?.[1];
      if (found) resolve(found);
    });
  });
  return Promise.race([url, child.ended.then(() => undefined)]);
}

async function close() {
  if (closing) return;
  closing = true;
  reload?.close();
  for (const child of children) child.kill('SIGTERM');
  await Promise.all([...children].map(({ ended }) => ended));
  process.exit(0);
}
