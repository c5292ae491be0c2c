/** When `npm start` installs and compiles, and when it leaves a clone as it is. */
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';

type Set = 'run' | 'clickhouse' | 'all';
type Run = (command: string, args: string[], cwd: string) => Promise<{ code: number; output: string }>;
interface SetupModule {
  setup(options: { root: string; set: Set; run: Run; say: (line: string) => void }): Promise<void>;
  isInstalled(root: string, set: Set): boolean;
  isBuilt(root: string): boolean;
}

const script = pathToFileURL(join(import.meta.dirname, '../../../scripts/setup.mjs'));
const { setup, isInstalled, isBuilt } = (await import(script.href)) as SetupModule;

const LOCK = {
  packages: {
    '': { name: 'x' },
    test: { name: 'y' },
    'node_modules/runs': { version: '1.0.0' },
    'node_modules/tests': { version: '2.0.0', dev: true },
    'node_modules/elsewhere': { version: '3.0.0', optional: true },
  },
};

/** A clone as git leaves it, with npm and the compiler replaced by the least that they do. */
function clone(t: Test) {
  const root = t.testdir({
    'package-lock.json': JSON.stringify(LOCK),
    'tsconfig.json': '{}',
    'tsconfig.build.json': '{}',
    src: { 'a.ts': 'export {};', deep: { 'b.ts': 'export {};' } },
    sdk: { src: { 'index.ts': 'export {};' } },
    dashboard: { 'main.tsx': 'export {};', node_modules: { 'one.js': '' } },
  });
  const calls: string[] = [];
  const said: string[] = [];
  const run: Run = async (command, args, cwd) => {
    const isNpm = args.includes('ci');
    const bundle = /(sdk|dashboard)\/build\.mjs$/.exec(args[0] ?? '')?.[1];
    const install = args.includes('--workspace=src/clickhouse')
      ? 'install clickhouse'
      : args.includes('--include-workspace-root')
        ? 'install run'
        : 'install all';
    calls.push(isNpm ? install : bundle ? `bundle ${bundle}` : 'compile');
    if (bundle) {
      const served = bundle === 'sdk' ? 'dist/public/sdk/spyglass.js' : 'dist/dashboard/index.html';
      mkdirSync(dirname(join(cwd, served)), { recursive: true });
      writeFileSync(join(cwd, served), '');
    } else if (isNpm) {
      rmSync(join(cwd, 'node_modules'), { recursive: true, force: true });
      mkdirSync(join(cwd, 'node_modules'));
    } else {
      mkdirSync(join(cwd, 'dist/src/cli'), { recursive: true });
      writeFileSync(join(cwd, 'dist/src/cli/main.js'), '');
    }
    return { code: 0, output: command };
  };
  const start = async (set: Set = 'run', use: Run = run) => {
    calls.length = 0;
    await setup({ root, set, run: use, say: (line) => said.push(line) });
    return [...calls];
  };
  return { root, start, said, run };
}

t.test('a fresh clone is installed and compiled, and then left alone', async (t) => {
  const { start } = clone(t);
  t.same(await start(), ['install run', 'compile', 'bundle sdk', 'bundle dashboard']);
  t.same(await start(), []);
});

t.test('the tests want more than a start; a start is content with what the tests have', async (t) => {
  const { start } = clone(t);
  await start('run');
  t.same(await start('all'), ['install all']);
  t.same(await start('run'), []);
  t.same(await start('all'), []);
});

t.test('the client of ClickHouse comes with a configuration that names the engine only', async (t) => {
  const { start } = clone(t);
  await start('run');
  t.same(await start('clickhouse'), ['install clickhouse']);
  t.same(await start('clickhouse'), []);
  t.same(await start('run'), [], 'and stays');
  t.same(await start('all'), ['install all']);
  t.same(await start('clickhouse'), []);
});

t.test('a changed lock file means installing again, the same set as before', async (t) => {
  const { root, start } = clone(t);
  await start('all');
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ ...LOCK, changed: true }));
  t.same(await start('run'), ['install all', 'compile', 'bundle sdk', 'bundle dashboard']);
});

t.test('a tree that npm installed whole by itself is fine as it is', async (t) => {
  const { root } = clone(t);
  mkdirSync(join(root, 'node_modules'));
  const { 'node_modules/elsewhere': _, ...present } = LOCK.packages;
  writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: present }));
  t.ok(isInstalled(root, 'run'));
  t.ok(isInstalled(root, 'all'));
});

t.test('a tree that lacks a package, or has another version of one, is not', async (t) => {
  for (const tests of [undefined, { version: '1.9.0' }]) {
    const { root } = clone(t);
    mkdirSync(join(root, 'node_modules'), { recursive: true });
    const packages = { 'node_modules/runs': { version: '1.0.0' }, 'node_modules/tests': tests };
    writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
    t.notOk(isInstalled(root, 'run'));
  }
});

const CHANGES: Record<string, (root: string) => void> = {
  'a changed file': (root) => writeFileSync(join(root, 'src/deep/b.ts'), 'export const x = 1;'),
  'a touched file, even into the past': (root) => utimesSync(join(root, 'src/a.ts'), 1, 1),
  'a new file': (root) => writeFileSync(join(root, 'src/deep/c.ts'), ''),
  'a removed file': (root) => rmSync(join(root, 'src/deep/b.ts')),
  'a changed file of the dashboard': (root) => writeFileSync(join(root, 'dashboard/main.tsx'), ''),
  'another compiler setting': (root) => writeFileSync(join(root, 'tsconfig.json'), '{ }'),
  "a changed file of the SDK's": (root) => writeFileSync(join(root, 'sdk/src/index.ts'), ''),
  'a lost output': (root) => rmSync(join(root, 'dist/src/cli/main.js')),
  'a lost script': (root) => rmSync(join(root, 'dist/public/sdk/spyglass.js')),
  'a lost page': (root) => rmSync(join(root, 'dist/dashboard/index.html')),
  'a half-written stamp': (root) => writeFileSync(join(root, 'dist/.build.json'), '{"sou'),
};
for (const [change, make] of Object.entries(CHANGES)) {
  t.test(`${change} means compiling again, once`, async (t) => {
    const { root, start } = clone(t);
    await start();
    t.ok(isBuilt(root));
    make(root);
    t.notOk(isBuilt(root));
    t.same(await start(), ['compile', 'bundle sdk', 'bundle dashboard']);
    t.ok(isBuilt(root));
  });
}

t.test('a source that changes while it is compiled is compiled again', async (t) => {
  const { root, start, run } = clone(t);
  await start('run', async (command, args, cwd) => {
    const result = await run(command, args, cwd);
    if (!args.includes('ci')) writeFileSync(join(root, 'src/a.ts'), 'export const late = true;');
    return result;
  });
  t.same(await start(), ['compile', 'bundle sdk', 'bundle dashboard']);
});

t.test('starts at the same time install once, the others wait', async (t) => {
  const { start, said } = clone(t);
  await Promise.all([start(), start(), start()]);
  t.equal(said.filter((line) => line.startsWith('Installing')).length, 1);
  t.equal(said.filter((line) => line.startsWith('Another process')).length, 2);
});

t.test('a lock that a crash left behind is not waited for', async (t) => {
  const { root, start, said } = clone(t);
  mkdirSync(join(root, 'dist'));
  writeFileSync(join(root, 'dist/.setup.lock'), '');
  utimesSync(join(root, 'dist/.setup.lock'), 1, 1);
  t.same(await start(), ['install run', 'compile', 'bundle sdk', 'bundle dashboard']);
  t.notOk(said.some((line) => line.startsWith('Another process')));
});

t.test('an install that fails is one line with the reason, and is tried again next time', async (t) => {
  const { root, start } = clone(t);
  const offline: Run = async () => ({
    code: 1,
    output: 'npm error code ENOTFOUND\nnpm error errno ENOTFOUND\nnpm error more',
  });
  await t.rejects(start('run', offline), {
    name: 'SetupError',
    message: /^Installing dependencies failed: ENOTFOUND\. .*$/,
  });
  t.notOk(isInstalled(root, 'run'));
  t.same(await start(), ['install run', 'compile', 'bundle sdk', 'bundle dashboard']);
});

t.test('a compile that fails says what the compiler said, and is tried again next time', async (t) => {
  const { start, run } = clone(t);
  const broken: Run = async (command, args, cwd) =>
    args.includes('ci') ? run(command, args, cwd) : { code: 2, output: 'src/a.ts(1,1): error TS1005' };
  await t.rejects(start('run', broken), { name: 'SetupError', message: /TS1005/ });
  t.same(await start(), ['compile', 'bundle sdk', 'bundle dashboard']);
});

t.test('the lock file names no registry host', async (t) => {
  const lock = readFileSync(join(import.meta.dirname, '../../../package-lock.json'), 'utf8');
  t.notMatch(lock, /"resolved": "https?:/);
});
