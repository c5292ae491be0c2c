/**
 * The dashboard's page asks nobody but its collector: every view of it in a browser whose way to anywhere else is a proxy of
 * ours, which sees what no page's own log of requests does, connections made ahead of time among it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { read, startFilled } from '../dashboard/open.js';
import { launchBrowser } from '../support/browser.js';
import { APP } from '../support/collector.js';

t.setTimeout(300_000);
/** What Chromium asks its maker by itself, whatever page it shows; a page's own requests are logged besides. */
const ITS_OWN = /\b(googleapis|google|gstatic|gvt1)\.com\b/;
/** What went past the collector. */
const elsewhere: string[] = [];
const proxy = createServer((request, response) => {
  if (!ITS_OWN.test(request.url ?? '')) elsewhere.push(`${request.method} ${request.url}`);
  response.writeHead(502).end();
});
proxy.on('connect', (request, socket) => {
  if (!ITS_OWN.test(request.url ?? '')) elsewhere.push(`CONNECT ${request.url}`);
  socket.end();
});
await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const { port } = proxy.address() as AddressInfo;
// Days with a working day among them, whenever this is.
const collector = await startFilled(7);
const browser = await launchBrowser({
  proxy: { server: `http://127.0.0.1:${port}`, bypass: '127.0.0.1' },
});
t.teardown(async () => {
  await browser.close();
  await collector.close();
  proxy.close();
});

async function newPage() {
  const page = await browser.newPage();
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(data|blob|about):/.test(url) && !url.startsWith(`${collector.url}/`))
      elsewhere.push(`page: ${url}`);
  });
  return page;
}

t.test('no view asks anybody else', async (t) => {
  await collector.send([
    {
      ...{ user_id: 'eve', session_id: 's_e', type: 'error', name: 'http://elsewhere.invalid/name' },
      ...{ url: 'http://elsewhere.invalid/url', user: { email: 'eve@elsewhere.invalid' } },
      props: {
        stack: 'Error\n at f (http://elsewhere.invalid/stack.js:1:1)',
        source: 'http://elsewhere.invalid/',
      },
    },
  ]);
  const { events } = await read<{ events: { id: number }[] }>(collector, '/v1/query/events?user=eve');
  const { sessions } = await read<{ sessions: { session_id: string; chunk_count: number }[] }>(
    collector,
    '/v1/query/sessions?limit=500',
  );
  const watched = sessions.find(({ chunk_count }) => chunk_count > 0)?.session_id ?? '';
  t.ok(watched !== '');
  const page = await newPage();
  const views = [
    '/live',
    '/users',
    `/users/${APP}/eve`,
    '/errors',
    `/incidents/${events[0]?.id}`,
    '/insights',
  ];
  for (const path of [...views, '/replay', `/replay/${APP}/${encodeURIComponent(watched)}`, '/docs']) {
    await page.goto(collector.url + path);
    await page.locator('main').first().waitFor();
    // The live view never comes to rest.
    await page.waitForLoadState('networkidle', { timeout: 2_000 }).catch(() => {});
    t.same(elsewhere, [], path);
  }
});

t.test('which would have been seen', async (t) => {
  const page = await newPage();
  await page.setContent(
    '<img src="http://elsewhere.invalid/a.png"><script src="https://www.google.com/x.js"></script>',
  );
  await page.goto('http://telemetry.invalid/').catch(() => {});
  for (const host of [
    'GET http://elsewhere.invalid',
    'GET http://telemetry.invalid',
    'page: https://www.google.com',
  ])
    t.ok(
      elsewhere.some((line) => line.startsWith(host)),
      `${host}: ${elsewhere}`,
    );
});
