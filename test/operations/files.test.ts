/** What is shipped to run it by: the container, its compose file, the service, the configuration to begin with. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/config.js';
import { SHUTDOWN_MS } from '../../src/domain/limits.js';
import { dockerStages, goesIntoBuild, textsOf } from '../support/container.js';

const [build = [], last = []] = dockerStages('Dockerfile');
const command = [
  ...JSON.parse(textsOf(last, 'ENTRYPOINT')[0] ?? '[]'),
  ...JSON.parse(textsOf(last, 'CMD')[0] ?? '[]'),
];

/** Those of `npm start`. */
const flags = JSON.parse(readFileSync('package.json', 'utf8')).scripts.start.match(/--\S+/g) as string[];

t.test('the image: two stages of a plain name, another user, a check of its health', async (t) => {
  for (const stage of [build, last]) t.match(textsOf(stage, 'FROM')[0], /^node:\d+-slim( AS build)?$/);
  t.same(textsOf(last, 'USER'), ['node']);
  const at = (instruction: string) => last.findIndex((step) => step.instruction === instruction);
  t.ok(at('USER') > at('RUN'), 'nothing is done after it');
  t.match(textsOf(last, 'HEALTHCHECK')[0], '/healthz');
  t.same(command, [
    'node',
    ...flags,
    'dist/src/cli/main.js',
    'serve',
    '--quiet',
    '--config',
    '/config/spyglass.config.json',
  ]);
  t.notMatch(readFileSync('Dockerfile', 'utf8'), /(ARG|ENV) .*(KEY|PASS)/i, 'no secret is baked in');
});

t.test('into the build goes nothing that is secret, large or not needed', async (t) => {
  const goes = (path: string) => goesIntoBuild(path, '.dockerignore');
  for (const path of [
    'src/cli/main.ts',
    'package.json',
    'sdk/src/index.ts',
    'scripts/build.mjs',
    '.npmrc',
    'test/package.json',
  ]) {
    t.ok(goes(path), path);
  }
  for (const path of [
    'data/spyglass.mdb',
    'spyglass.config.json',
    'config/spyglass.config.json',
    '.env',
    '.git/config',
    'node_modules/lmdb/index.js',
    'sdk/node_modules/x.js',
    'sdk/dist/index.js',
    'dist/src/cli/main.js',
    'test/config/config.test.ts',
  ]) {
    t.notOk(goes(path), path);
  }
});

t.test('compose runs it with nothing it does not need', async (t) => {
  const { services } = parse(readFileSync('compose.yaml', 'utf8')) as {
    services: Record<string, Record<string, unknown>>;
  };
  t.match(services.spyglass, {
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    volumes: ['./config:/config:ro', 'data:/data'],
    ports: [/^127\.0\.0\.1:/],
  });
  const grace = Number.parseInt(String(services.spyglass?.stop_grace_period), 10);
  t.ok(grace * 1_000 > SHUTDOWN_MS, 'it is given the time to finish');
});

t.test('the configuration to begin with is one', async (t) => {
  const config = loadConfig('docs/operations/container.config.json', { SPYGLASS_PASSWORD: 'x' });
  t.match(config, {
    listen: { host: '0.0.0.0', port: 7474 },
    dataDir: '/data',
    auth: { dashboard_password: 'x' },
  });
});

t.test('the service starts the same command, reloads by SIGHUP, and is locked in', async (t) => {
  const settings = new Map(
    readFileSync('docs/operations/spyglass.service', 'utf8')
      .split('\n')
      .filter((line) => /^[A-Z]\w+=/.test(line))
      .map((line) => line.split(/=(.*)/) as [string, string]),
  );
  t.match(
    settings.get('ExecStart'),
    `${flags.join(' ')} dist/src/cli/main.js serve --quiet --config /etc/spyglass/spyglass.config.json`,
  );
  t.equal(settings.get('ExecReload'), '/bin/kill -HUP $MAINPID');
  for (const [name, value] of [
    ['User', 'spyglass'],
    ['NoNewPrivileges', 'yes'],
    ['ProtectSystem', 'strict'],
    ['CapabilityBoundingSet', ''],
    ['RestartPreventExitStatus', '2'],
  ] as const) {
    t.equal(settings.get(name), value, name);
  }
  t.ok(Number(settings.get('TimeoutStopSec')) * 1_000 > SHUTDOWN_MS);
});

const rootPackage = JSON.parse(readFileSync('package.json', 'utf8')) as {
  version: string;
  workspaces: string[];
  scripts: Record<string, string>;
};
const workflows = readdirSync('.github/workflows').map((name) => `.github/workflows/${name}`);
/** What npm does by itself. */
const COMMANDS = ['ci', 'install', 'run', 'pkg', 'publish', 'audit', 'prune'];

t.test('no workflow, check or page names a script or a file that is not there', async (t) => {
  const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').map((name) => `docs/${name}`)];
  const files = [...workflows, '.ci/run', 'Dockerfile', ...pages.filter((name) => name.endsWith('.md'))];
  let found = 0;
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replace(file.endsWith('.md') ? '' : /^ *#.*$/gm, '');
    for (const [, run, name = ''] of text.matchAll(/\bnpm (run )?([a-z][\w:-]*)/g)) {
      if (run === undefined && COMMANDS.includes(name)) continue;
      found++;
      t.ok(name in rootPackage.scripts, `${file}: npm run ${name}`);
    }
    for (const [name] of text.matchAll(/(?<![\w/.-])(scripts|\.ci)\/[\w.-]*\w/g))
      t.ok(existsSync(name), `${file}: ${name}`);
  }
  t.ok(found > 20, 'scripts were found');
});

t.test('workflows may do what they need and no more, and name no host', async (t) => {
  t.same(workflows, ['.github/workflows/ci.yml', '.github/workflows/release.yml']);
  for (const file of workflows) {
    const text = readFileSync(file, 'utf8');
    const workflow = parse(text) as {
      permissions?: object;
      jobs: Record<string, { 'timeout-minutes'?: number }>;
    };
    t.ok(['{}', '{"contents":"read"}'].includes(JSON.stringify(workflow.permissions)), file);
    for (const [name, job] of Object.entries(workflow.jobs))
      t.ok(job['timeout-minutes'], `${file}: ${name} ends`);
    for (const [, action = ''] of text.matchAll(/uses: (\S+)/g)) t.match(action, /^actions\/[\w-]+@v\d+$/);
    t.notMatch(text, /https?:\/\/|pull_request_target|\b[\w-]+\.(io|org|com|dev)\b/, file);
  }
});

t.test('all packages have one version, and the changelog has it', async (t) => {
  const versions = rootPackage.workspaces.map(
    (folder) => JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')).version,
  );
  t.same([...new Set(versions.filter((version) => version !== undefined))], [rootPackage.version]);
  const [first, newest] = [...readFileSync('CHANGELOG.md', 'utf8').matchAll(/^## \[([^\]]+)\]/gm)].map(
    ([, name]) => name,
  );
  t.equal(first, 'Unreleased');
  t.equal(newest ?? '0.1.0', rootPackage.version, 'or nothing is released yet');
});

t.test('the debugger finds what the compiler writes', async (t) => {
  const { configurations } = JSON.parse(readFileSync('.vscode/launch.json', 'utf8')) as {
    configurations: { program?: string; preLaunchTask?: string; runtimeArgs?: string[] }[];
  };
  const { tasks } = JSON.parse(readFileSync('.vscode/tasks.json', 'utf8')) as {
    tasks: { label: string; args: string[] }[];
  };
  for (const { program, preLaunchTask, runtimeArgs } of configurations) {
    if (preLaunchTask)
      t.ok(
        tasks.some(({ label }) => label === preLaunchTask),
        preLaunchTask,
      );
    if (program && !/[$][{](relative)?[fF]ile/.test(program))
      t.ok(existsSync(program.replace(/^.*?\//, '')), program);
    if (runtimeArgs?.[0] === 'run')
      t.ok(String(runtimeArgs[1]) in rootPackage.scripts, `npm run ${runtimeArgs[1]}`);
  }
  for (const { args } of tasks) t.ok(existsSync(String(args[0])), String(args[0]));
});
