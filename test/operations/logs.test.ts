/** Requests have names, and a line each in the log that says what came of them and nothing of whom. */
import t from 'tap';
import { CONFIG, KEY, serve } from '../api/unit/server.js';
import { ask, problemOf } from '../support/http.js';
import { postReplay } from '../support/replay.js';

const OURS = /^[0-9a-f]{8}-[0-9a-z]+$/;

/** Header, problem and line of the log agree on the name. */
t.test('a request is named by itself, or by us, and goes by that name everywhere', async (t) => {
  const { url, lines } = await serve(t);
  const headers = { 'x-request-id': 'edge.7f:Az_9-' };
  for (const path of ['/v1/query/events', '/', '/healthz', '/sdk/none.js', '/v1/nope', '/v1/incidents/9']) {
    t.equal((await ask(url, path, { headers })).headers['x-request-id'], headers['x-request-id'], path);
    t.match((await ask(url, path)).headers['x-request-id'], OURS, path);
  }
  const answer = await ask(url, '/v1/query/events?limit=no', { headers });
  t.match(problemOf(answer, 400), { instance: `urn:spyglass:request:${headers['x-request-id']}` });
  t.equal(lines.filter((line) => JSON.parse(line).reqId === headers['x-request-id']).length, 7);
  const names = new Set(lines.map((line) => JSON.parse(line).reqId));
  t.equal(names.size, 1 + 6, 'ours are all different');
});

t.test('a name that could do harm where it is written is not taken over', async (t) => {
  const { url, lines } = await serve(t);
  for (const name of ['', 'two words', 'x'.repeat(65), '<b>', 'a"b', 'é', 'a,b', 'a\tb']) {
    const headers = { 'x-request-id': Buffer.from(name).toString('latin1') };
    t.match((await ask(url, '/v1/query/events', { headers })).headers['x-request-id'], OURS, name);
  }
  t.notMatch(lines.join(), /two words|<b>|a,b/);
});

t.test('on the ingest routes a name is said when it is asked for, or something is wrong', async (t) => {
  const refusals = [undefined, undefined, { code: 'invalid_event', detail: 'no' } as const];
  const { url, lines } = await serve(t, { ingest: async () => refusals.shift() });
  const headers = { 'x-request-id': 'page-1' };
  t.equal((await ask(url, '/v1/events', { body: 'x', headers })).headers['x-request-id'], 'page-1');
  t.notOk('x-request-id' in (await ask(url, '/v1/events', { body: 'x' })).headers);
  const refused = await ask(url, '/v1/events', { body: 'x' });
  const name = String(refused.headers['x-request-id']);
  t.match(name, OURS);
  t.match(problemOf(refused, 400), { instance: `urn:spyglass:request:${name}` });
  await postReplay(url, 'session=s_1&seq=1', Buffer.from('x'), KEY);
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { level: 20, reqId: 'page-1', method: 'POST', route: '/v1/events', status: 204, ms: Number },
      { level: 20, reqId: OURS, method: 'POST', route: '/v1/events', status: 204 },
      { level: 20, reqId: name, method: 'POST', route: '/v1/events', status: 400, code: 'invalid_event' },
      { level: 20, method: 'POST', route: '/v1/replay', status: 400, code: 'invalid_chunk' },
    ],
  );
  t.equal(lines.length, 4, 'one line each');
});

t.test('what the API is asked is worth a line at info, what comes all the time is not', async (t) => {
  const { url, store, lines } = await serve(t);
  const levelOf = async (path: string): Promise<number[]> => {
    lines.length = 0;
    await ask(url, path);
    return lines.map((line) => JSON.parse(line).level);
  };
  t.same(await levelOf('/v1/query/users'), [30]);
  t.same(await levelOf('/v1/incidents/77'), [30], 'a 404 too');
  for (const path of ['/healthz', '/readyz', '/metrics', '/', '/sdk/none.js', '/docs']) {
    t.same(await levelOf(path), [20], path);
  }
  store.readError = new Error('the disk is gone');
  t.same(await levelOf('/v1/query/users'), [50, 40], 'why, and that');
});

t.test('a line names the reader’s role, never a reader, a user, a session or a query', async (t) => {
  const auth = { open: false, dashboard_password: 'operators-own', viewer_password: 'viewers-own' };
  const { url, lines } = await serve(t, { config: { ...CONFIG, auth } });
  const authorization = `Basic ${Buffer.from('Jane Doe:viewers-own').toString('base64')}`;
  for (const path of [
    '/v1/query/events?user=jane@corp.example',
    '/v1/sessions/s_secret/replay',
    '/jane/secret',
  ]) {
    await ask(url, path, { headers: { authorization, referer: 'https://corp.example/jane' } });
  }
  const roles = lines.map((line) => JSON.parse(line).role);
  t.same(roles, ['viewer', 'viewer', 'viewer']);
  t.notMatch(lines.join(), /jane|secret|corp\.example|-own|authorization/i);
});
