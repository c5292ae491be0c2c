/** Keys and passwords stay where they belong: not in what a collector's process writes, not in its data, exports or backups. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { runSpyglass, spawnCollector } from '../support/collector.js';
import { filesUnder } from '../support/files.js';
import { ask, basic, event, postEvents } from '../support/http.js';
import { chunk, postReplay } from '../support/replay.js';

const SECRETS = {
  key: 'sg_live_the_key_itself',
  operator: 'the-operator-password',
  viewer: 'the-viewer-password',
  team: 'the-team-password',
  guessed: 'a-guessed-password',
  guessedKey: 'sg_live_a_guessed_key',
};
const encoded = Object.values(SECRETS).map((secret) => basic(secret).authorization.slice('Basic '.length));
const all = [...Object.values(SECRETS), ...encoded];

const c = await spawnCollector({
  apps: { inventory: { key: SECRETS.key, origins: [], read_password: SECRETS.team } },
  auth: { dashboard_password: SECRETS.operator, viewer_password: SECRETS.viewer },
});
t.teardown(() => c.close());

/** Which of the secrets bytes hold, as text or within a gzip stream. */
function held(bytes: Buffer): string[] {
  const texts = [bytes];
  try {
    texts.push(gunzipSync(bytes));
  } catch {
    // No gzip stream.
  }
  return all.filter((secret) => texts.some((text) => text.includes(secret)));
}

t.test('what they are used for, rightly and wrongly', async (t) => {
  const good = { app: 'inventory', key: SECRETS.key, events: [event(), event({ type: 'error' })] };
  t.equal((await postEvents(c.url, good)).status, 204);
  await postEvents(c.url, { ...good, key: SECRETS.guessedKey });
  await postEvents(c.url, { ...good, events: [{ ...event(), type: 'nonsense' }] });
  await postEvents(c.url, `{"app":"inventory","key":"${SECRETS.key}",}`);
  t.equal((await postReplay(c.url, 'session=s_1&seq=1', chunk('x'), SECRETS.key)).status, 204);
  await postReplay(c.url, 'session=s_1&seq=1', chunk('x'), SECRETS.guessedKey);
  for (const password of [SECRETS.operator, SECRETS.viewer, SECRETS.team, SECRETS.guessed]) {
    for (const path of [
      '/v1/query/users',
      '/v1/sessions/s_1/replay/1',
      '/metrics',
      '/v1/nothing',
      '/v1/erase',
      '/v1/audit',
    ])
      await ask(c.url, path, { headers: basic(password, 'ann') });
  }
  const { text } = await ask(c.url, '/metrics', { headers: basic(SECRETS.operator) });
  t.match(text, /spyglass_/);
  t.same(held(Buffer.from(text)), [], 'no metric');
});

t.test('no line that the process writes has one, at its most talkative', async (t) => {
  t.ok(c.lines.length > 20, `${c.lines.length} lines`);
  // What a start says on standard output has the ingest key, to try it with; pages have it too. The log has nothing.
  const said = (line: string) => /^ {2}(key {8}|curl )/.test(line);
  t.equal(c.lines.filter(said).length, 2);
  for (const line of c.lines) {
    const secrets = held(Buffer.from(line)).filter((secret) => secret !== SECRETS.key || !said(line));
    t.same(secrets, [], line.slice(0, 200));
  }
});

t.test('neither has an export, a backup, nor any file of the data folder', async (t) => {
  t.equal(await c.stop('SIGTERM'), 0);
  const folder = t.testdir();
  const backup = join(folder, 'backup');
  const commands = [
    ['export', '--data', c.dataDir],
    ['backup', backup, '--data', c.dataDir],
    ['verify', '--data', c.dataDir],
  ];
  for (const args of commands) {
    const { code, stdout, stderr } = await runSpyglass(args);
    t.equal(code, 0, `${args[0]}: ${stderr}`);
    t.same(held(Buffer.from(stdout + stderr)), [], `${args[0]}`);
  }
  for (const under of [backup, c.dataDir]) {
    const files = await filesUnder(under);
    t.ok(files.length > 1);
    for (const file of files) t.same(held(await readFile(file)), [], file);
  }
});

t.test('nor what the command says of a configuration that is wrong', async (t) => {
  const wrong = {
    apps: {
      a: { key: SECRETS.key, read_password: SECRETS.team },
      b: { key: SECRETS.key, read_password: SECRETS.team },
    },
    auth: { dashboard_password: SECRETS.team, viewer_password: 7 },
    [SECRETS.guessed.length]: SECRETS.guessed,
    __proto__: { open: true },
  };
  const text = JSON.stringify(wrong);
  for (const file of [
    text,
    text.slice(0, -9),
    `${text}x`,
    text.replace(/}$/, ',"__proto__":{"auth":{"open":true}}}'),
  ]) {
    const folder = t.testdir({ 'spyglass.config.json': file });
    const { code, stdout, stderr } = await runSpyglass([
      'serve',
      '--config',
      join(folder, 'spyglass.config.json'),
    ]);
    t.equal(code, 2, stderr);
    t.same(held(Buffer.from(stdout + stderr)), [], stderr);
  }
});
