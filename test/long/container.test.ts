/**
 * What the Dockerfile does, done without Docker: its build stage in a copy of the repository, its last stage out of what that
 * left, then the collector as another user, with nothing it can write to but its data folder.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { dockerStages, goesIntoBuild, textsOf } from '../support/container.js';
import { ask, basic, event, postEvents } from '../support/http.js';

t.setTimeout(600_000);

const NODE_USER = 1_000;
const isRoot = process.getuid?.() === 0;
const root = mkdtempSync(join(tmpdir(), 'spyglass-container-'));
const [building, image, data, config] = ['build', 'app', 'data', 'config'].map((name) =>
  join(root, name),
) as [string, string, string, string];
t.teardown(() => {
  execFileSync('chmod', ['-R', 'u+w', root]);
  rmSync(root, { recursive: true, force: true });
});
const [build = [], last = []] = dockerStages('Dockerfile');

t.test('the build stage builds from what .dockerignore lets in', async (t) => {
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  for (const path of tracked.split('\n').filter((one) => one !== '' && goesIntoBuild(one, '.dockerignore'))) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
    mkdirSync(dirname(join(building, path)), { recursive: true });
    cpSync(path, join(building, path));
  }
  t.notOk(readdirSync(building).some((name) => /^(docs|bench|examples|\.git)$/.test(name)));
  for (const command of textsOf(build, 'RUN')) {
    execFileSync('sh', ['-ec', command], { cwd: building, stdio: ['ignore', 'ignore', 'inherit'] });
  }
});

t.test('the last stage takes what runs, and no tools', async (t) => {
  for (const text of textsOf(last, 'COPY')) {
    const [, from = '', to = ''] = /^--from=build \/app\/(\S+) \.\/(\S+)$/.exec(text) ?? [];
    t.ok(from !== '', text);
    cpSync(join(building, from), join(image, to), { recursive: true, verbatimSymlinks: true });
  }
  const installed = readdirSync(join(image, 'node_modules'));
  for (const tool of ['typescript', 'esbuild', 'tap', '@spyglass', 'playwright-core'])
    t.notOk(installed.includes(tool), tool);
  t.ok(installed.includes('lmdb'));
  const kilobytes = Number(execFileSync('du', ['-sk', image], { encoding: 'utf8' }).split('\t')[0]);
  t.comment(`beside Node the image holds ${(kilobytes / 1_024).toFixed(0)} MiB`);
});

/** The collector's command with its code where nobody can write to it, as root of the test only in another mount namespace. */
function locked(args: readonly string[]): [command: string, args: string[]] {
  const command = [process.execPath, join(image, 'dist/src/cli/main.js'), ...args];
  if (!isRoot) {
    console.log(
      'NOT ROOT: the code is read-only by its permissions, and the user is the one who runs the tests',
    );
    execFileSync('chmod', ['-R', 'a-w', image]);
    return [command[0] ?? '', command.slice(1)];
  }
  const script = `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec setpriv --reuid=${NODE_USER} --regid=${NODE_USER} --clear-groups --no-new-privs --bounding-set=-all "$@"`;
  return ['unshare', ['--mount', 'sh', '-ec', script, image, ...command]];
}

t.test('it runs as another user that can write to its data folder alone', async (t) => {
  for (const folder of [data, config]) mkdirSync(folder);
  chmodSync(root, 0o755);
  if (isRoot) chownSync(data, NODE_USER, NODE_USER);
  const file = join(config, 'spyglass.config.json');
  const settings = {
    listen: '127.0.0.1:0',
    dataDir: data,
    apps: { inventory: { key: 'sg_live_x' } },
    auth: { dashboard_password: 'env:SPYGLASS_PASSWORD' },
  };
  writeFileSync(file, JSON.stringify(settings));
  chmodSync(config, 0o555);
  const [command, args] = locked(['serve', '--config', file]);
  const child = spawn(command, args, {
    cwd: image,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', SPYGLASS_PASSWORD: 'pass' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  t.teardown(() => child.kill('SIGKILL'));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      const found = /http:\/\/\S+:\d+/.exec(line);
      if (found) resolve(found[0]);
    });
    void exited.then((code) => reject(new Error(`it ended with ${code}`)));
  });
  t.equal((await postEvents(url, { app: 'inventory', key: 'sg_live_x', events: [event()] })).status, 204);
  const { status, text } = await ask(url, '/v1/query/events', { headers: basic('pass') });
  t.same([status, JSON.parse(text).events.length], [200, 1]);
  for (const path of ['/', '/docs/', '/metrics'])
    t.equal((await ask(url, path, { headers: basic('pass') })).status, 200, path);
  t.equal((await ask(url, '/sdk/spyglass.js')).status, 200);
  if (isRoot) {
    t.equal(statSync(join(data, 'spyglass.mdb')).uid, NODE_USER);
    const status = execFileSync('cat', [`/proc/${child.pid}/status`], { encoding: 'utf8' });
    t.match(status, /^Uid:\t1000\t1000/m);
    t.match(status, /^CapEff:\t0+$/m);
  }
  const check = textsOf(last, 'HEALTHCHECK')[0]?.replace(/^.*?CMD /, '') ?? '[]';
  const [program = '', ...rest] = JSON.parse(check.replace('127.0.0.1:7474', new URL(url).host)) as string[];
  execFileSync(program, rest);
  child.kill('SIGTERM');
  t.equal(await exited, 0);
  t.throws(() => execFileSync(program, rest, { stdio: 'ignore' }), 'the check fails once it is gone');
});
