/** What is shipped to run it by: the container, its compose file, the service, the configuration to begin with. */
import { readFileSync } from 'node:fs';
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
