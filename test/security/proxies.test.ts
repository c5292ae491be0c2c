/** Behind a proxy: whose word counts on where a request comes from, for lockouts and for the audit trail. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, ask, basic, event, keyOf, postEvents } from '../support/http.js';
import { chunk, upload } from '../support/replay.js';

const PASSWORD = 'correct horse';
const PROXY = '127.0.0.20';
const settings = { apps: apps('inventory'), auth: { dashboard_password: PASSWORD } };
const trusting = await startCollector({ ...settings, trusted_proxies: [PROXY, '127.0.7.0/24'] });
const plain = await startCollector(settings);
t.teardown(() => Promise.all([trusting.close(), plain.close()]));

const WRONG_ONES = 10;

/** Guesses from `from`, the header as given, until whoever is counted is locked out. */
async function guess(url: string, from: string, forwarded: (n: number) => string): Promise<void> {
  await Promise.all(
    Array.from({ length: WRONG_ONES }, (_, n) =>
      ask(url, '/v1/query/users', {
        from,
        headers: { ...basic('wrong'), 'x-forwarded-for': forwarded(n) },
      }),
    ),
  );
}

const knock = async (url: string, from: string, headers: Record<string, string> = {}) =>
  (await ask(url, '/v1/query/users', { from, headers: { ...basic(PASSWORD), ...headers } })).status;

t.test('without trusted proxies nobody says who they are but the socket', async (t) => {
  await guess(plain.url, '127.0.0.21', (n) => `198.51.100.${n}`);
  t.equal(await knock(plain.url, '127.0.0.21', { 'x-forwarded-for': '203.0.113.1' }), 429);
  t.equal(await knock(plain.url, '127.0.0.22', { 'x-forwarded-for': '198.51.100.1' }), 200);
  t.equal(await knock(plain.url, '127.0.0.23', { 'x-forwarded-for': '127.0.0.21' }), 200);
});

t.test('a trusted proxy’s clients are locked out one by one', async (t) => {
  await guess(trusting.url, PROXY, () => '198.51.100.7');
  t.equal(await knock(trusting.url, PROXY, { 'x-forwarded-for': '198.51.100.7' }), 429);
  t.equal(await knock(trusting.url, PROXY, { 'x-forwarded-for': '198.51.100.8' }), 200);
  t.equal(await knock(trusting.url, PROXY), 200, 'the proxy itself too');
  t.equal(
    await knock(trusting.url, '127.0.7.9', { 'x-forwarded-for': '198.51.100.7' }),
    429,
    'the same client through another proxy',
  );
});

t.test('what a client says before the proxy does is not believed', async (t) => {
  await guess(trusting.url, PROXY, (n) => `203.0.113.${n}, 198.51.100.9`);
  t.equal(await knock(trusting.url, PROXY, { 'x-forwarded-for': '203.0.113.99, 198.51.100.9' }), 429);
  t.equal(await knock(trusting.url, PROXY, { 'x-forwarded-for': '203.0.113.1' }), 200);
  t.equal(
    await knock(trusting.url, PROXY, { 'x-forwarded-for': `198.51.100.9, 127.0.7.1` }),
    429,
    'through two proxies',
  );
});

t.test('nobody else is believed, with trusted proxies either', async (t) => {
  await guess(trusting.url, '127.0.0.24', (n) => `198.51.100.${100 + n}`);
  t.equal(await knock(trusting.url, '127.0.0.24', { 'x-forwarded-for': '203.0.113.5' }), 429);
  for (const header of ['forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip'])
    t.equal(await knock(trusting.url, '127.0.0.24', { [header]: 'for=203.0.113.5' }), 429, header);
});

t.test('a proxy that passes on what is no address is counted itself', async (t) => {
  await guess(trusting.url, '127.0.7.50', (n) => `made up ${n}`);
  t.equal(await knock(trusting.url, '127.0.7.50'), 429);
});

t.test('a client of IPv6 is its /64', async (t) => {
  await guess(trusting.url, PROXY, (n) => `2001:db8:5:6::${n}`);
  t.equal(await knock(trusting.url, PROXY, { 'x-forwarded-for': '2001:db8:5:6:ffff::1' }), 429);
  t.equal(await knock(trusting.url, PROXY, { 'x-forwarded-for': '2001:db8:5:7::1' }), 200);
});

t.test('the audit trail has the client, and never what a stranger made up', async (t) => {
  for (const c of [trusting, plain]) {
    await postEvents(c.url, { app: 'inventory', key: keyOf('inventory'), events: [event()] });
    await upload(c.url, { app: 'inventory', session: 's_1', seq: 1 }, chunk('x'));
  }
  const watch = async (url: string, from: string, header: string) => {
    const headers = { ...basic(PASSWORD), 'x-forwarded-for': header };
    t.equal((await ask(url, '/v1/sessions/s_1/replay/1', { from, headers })).status, 200);
    const { text } = await ask(url, '/v1/audit?limit=1', { headers: basic(PASSWORD) });
    return JSON.parse(text).entries[0].address;
  };
  t.equal(await watch(trusting.url, PROXY, '198.51.100.200'), '198.51.100.200');
  t.equal(await watch(trusting.url, '127.0.0.25', '198.51.100.200'), '127.0.0.25');
  t.equal(await watch(plain.url, PROXY, '198.51.100.201'), PROXY);
});

t.test('neither host nor scheme of a forwarded request is believed', async (t) => {
  const open = await startCollector({ apps: apps('inventory'), trusted_proxies: ['127.0.0.0/8'] });
  t.teardown(() => open.close());
  const headers = { host: 'evil.example', 'x-forwarded-host': 'localhost' };
  t.equal((await ask(open.url, '/v1/apps', { headers })).status, 421);
  const cross = { origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' };
  t.equal((await ask(open.url, '/v1/erase', { method: 'POST', body: '{}', headers: cross })).status, 403);
});
