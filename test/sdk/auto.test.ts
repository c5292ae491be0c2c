/** Automatic capture in a real browser, against a real collector. */

import type { Browser, BrowserContext } from 'playwright-core';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { startCollector } from '../support/collector.js';
import { textsOnDisk } from '../support/on-disk.js';
import { startSite } from '../support/site.js';
import { eventsOf, flushed, html, props, scriptTag, until, visit } from './pages.js';

const collector = await startCollector();
t.teardown(() => collector.close());
const browser = await launchBrowser();
t.teardown(() => browser.close());

const LONG = 'é'.repeat(3_000);
const pages = new Map<string, string>();
const site = await startSite((path, request, response) => {
  const page = pages.get(path);
  if (page !== undefined) return { body: page };
  if (path === '/api/items') return { type: 'application/json', body: '{"items":[1,2]}' };
  if (path === '/api/long') return { type: 'text/plain', body: LONG };
  if (path === '/api/refused') return { status: 500, body: 'no' };
  if (path === '/api/headers') {
    const headers = { 'Set-Cookie': 'sid=cookie-of-the-app; Path=/', Authorization: 'from-the-server-side' };
    return { headers, body: request.headers.authorization ?? '' };
  }
  if (path === '/api/broken') response.destroy();
  return undefined;
});
t.teardown(() => site.close());

/** Serves a page at `/<user>/` whose SDK runs under that user, and opens it. */
async function open(
  user: string,
  options: Record<string, string> = {},
  body = '',
  head = '',
  where: Browser | BrowserContext = browser,
) {
  pages.set(`/${user}/`, html(head + scriptTag(collector.url, { 'user-id': user, ...options }), body));
  return visit(where, `${site.url}/${user}/`, 'networkidle');
}

t.test('pageviews: the first load, History API, hash and back, each once', async (t) => {
  const page = await open('pia', { 'web-vitals': 'false', network: 'false' });
  await page.evaluate(`
    history.pushState(null, '', '/orders/7?sort=date');
    history.replaceState(null, '', '/orders/7?sort=name');
    history.replaceState(null, '', '/orders');
    location.hash = '#/drawer?open=1';
  `);
  await page.evaluate('new Promise((done) => { onpopstate = () => setTimeout(done); history.back(); })');
  const events = await flushed(page, collector.url, 'pia');
  t.same(
    events.map(({ type, name, url }) => [type, name, url]),
    [
      ['pageview', '/pia/', '/pia/'],
      ['pageview', '/orders/7', '/orders/7?sort=date'],
      ['pageview', '/orders', '/orders'],
      ['pageview', '/orders#/drawer', '/orders#/drawer?open=1'],
      ['pageview', '/orders', '/orders'],
    ],
  );
  t.same(events[0]?.props, { title: 'A page' });
  t.match(props(events[1]).referrer, /\/pia\/$/);
  await page.close();
});

t.test('a page out of the back-forward cache is viewed again', async (t) => {
  const page = await open('bea', { 'web-vitals': 'false' });
  await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
  const events = await flushed(page, collector.url, 'bea');
  t.same(
    events.map(({ name }) => name),
    ['/bea/', '/bea/'],
  );
  await page.close();
});

t.test('errors: where they are, and the same ones as one with a count', async (t) => {
  const script = "<script>const fail = () => { throw new TypeError('no such item'); };</script>";
  const page = await open('eve', { pageviews: 'false', 'web-vitals': 'false' }, script);
  await page.evaluate(`
    for (let i = 0; i < 3; i += 1) setTimeout(fail);
    setTimeout(() => { throw { code: 7 }; });
    Promise.reject(new RangeError('too far'));
    Promise.reject('just a text');
    console.error('Stock of %s is %d', 'mug', -1, { left: [0] });
    console.error(new SyntaxError('logged'));
    const both = new Error('logged and thrown'); console.error('Saw', both); setTimeout(() => { throw both; });
    const circle = {}; circle.circle = circle; console.error(circle);
    new Promise((done) => setTimeout(done, 50));
  `);
  const events = await flushed(page, collector.url, 'eve');
  const by = (name: string) => props(events.find((event) => event.name === name));
  t.same(
    events.map(({ type, name }) => `${type} ${name} ${props({ props: by(name) } as never).kind}`).sort(),
    [
      'error Error: just a text unhandledrejection',
      'error Error: {"code":7} error',
      'error RangeError: too far unhandledrejection',
      'error SyntaxError: logged console.error',
      'error TypeError: no such item error',
      'error console.error: Saw Error: logged and thrown console.error',
      'error console.error: Stock of mug is -1 {"left":[0]} console.error',
      'error console.error: [object Object] console.error',
    ],
  );
  const thrown = by('TypeError: no such item');
  t.equal(thrown.count, 3);
  t.match(thrown.stack, /^TypeError: no such item\n +at fail/);
  t.type(thrown.line, 'number');
  t.type(thrown.column, 'number');
  t.equal(by('RangeError: too far').count, undefined);
  t.match(by('RangeError: too far').stack, /RangeError/);
  t.equal(events[0]?.url, '/eve/');
  await page.close();
});

t.test('an error in a script of the page names its source, line and column', async (t) => {
  const page = await open('lin', { pageviews: 'false' }, '<script>\n  nothing.atAll();\n</script>');
  const [error] = (await flushed(page, collector.url, 'lin')).filter(({ type }) => type === 'error');
  t.equal(error?.name, 'ReferenceError: nothing is not defined');
  t.same(
    { ...props(error), stack: '' },
    { kind: 'error', stack: '', source: `${site.url}/lin/`, line: 2, column: 3 },
  );
  await page.close();
});

t.test('an error that is held belongs to who was there', async (t) => {
  const page = await open('ann', { pageviews: 'false', 'web-vitals': 'false' });
  await page.evaluate("console.error('hers'); spyglass.setUser({ id: 'ben' }); console.error('his')");
  await page.evaluate('spyglass.flush()');
  const names = async (user: string) => (await eventsOf(collector.url, user)).map(({ name }) => name);
  t.same(await names('ann'), ['console.error: hers']);
  t.same(await names('ben'), ['console.error: his']);
  await page.close();
});

t.test('requests: by fetch and XHR, with what came of them', async (t) => {
  const page = await open('nat', {
    pageviews: 'false',
    'web-vitals': 'false',
    'network-bodies': '/api/items,/api/long',
  });
  const unhandled = await page.evaluate(`(async () => {
    const seen = [];
    addEventListener('unhandledrejection', ({ reason }) => seen.push(String(reason)));
    await fetch('/api/items?page=2', { method: 'post', body: 'žluť', headers: { 'Content-Type': 'text/plain' } });
    await (await fetch(new Request('/api/long'))).text();
    await fetch('/api/refused');
    fetch('/api/broken');
    // Begun in one millisecond, requests would stand in the order in which they end.
    await new Promise((done) => setTimeout(done, 20));
    const ask = (method, url, body) => new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      request.onloadend = done;
      request.send(body);
    });
    await ask('PUT', '/api/items', '{"a":1}');
    await ask('GET', '/api/broken');
    await new Promise((done) => setTimeout(done, 100));
    return seen;
  })()`);
  t.same(unhandled, ['TypeError: Failed to fetch'], 'a failure that the app does not handle stays unhandled');
  const events = (await flushed(page, collector.url, 'nat')).filter(({ type }) => type === 'network');
  const rows = events.map((event) => {
    const { duration_ms, response_body, ...rest } = props(event);
    t.ok(Number.isInteger(duration_ms), 'a duration');
    return { name: event.name, ...rest };
  });
  t.same(rows, [
    {
      name: 'POST /api/items',
      method: 'POST',
      url: '/api/items?page=2',
      status: 200,
      request_bytes: 6,
      request_body: 'žluť',
    },
    { name: 'GET /api/long', method: 'GET', url: '/api/long', status: 200 },
    { name: 'GET /api/refused', method: 'GET', url: '/api/refused', status: 500 },
    {
      name: 'GET /api/broken',
      method: 'GET',
      url: '/api/broken',
      status: 0,
      error: 'TypeError: Failed to fetch',
    },
    {
      name: 'PUT /api/items',
      method: 'PUT',
      url: '/api/items',
      status: 200,
      request_bytes: 7,
      response_bytes: 15,
      request_body: '{"a":1}',
    },
    { name: 'GET /api/broken', method: 'GET', url: '/api/broken', status: 0, error: 'error' },
  ]);
  t.equal(props(events[0]).response_body, '{"items":[1,2]}');
  t.equal(props(events[1]).response_body, 'é'.repeat(1_024), 'cut at 2 KB');
  t.equal(props(events[4]).response_body, '{"items":[1,2]}');
  await page.close();
});

t.test('headers that are secret, and bodies that nobody asked for, are nowhere in the store', async (t) => {
  const page = await open('sam', { 'network-bodies': '/api/items' });
  await page.evaluate(`(async () => {
    document.cookie = 'token=cookie-of-the-page';
    const headers = { Authorization: 'Bearer token-of-the-app', Cookie: 'cookie-by-hand' };
    await (await fetch('/api/items', { method: 'POST', body: 'body-asked-for', headers })).text();
    await (await fetch('/api/headers', { method: 'POST', body: 'body-nobody-asked-for', headers: { Authorization: 'Bearer second-token' } })).text();
    await new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open('GET', '/api/headers');
      request.setRequestHeader('Authorization', 'Bearer third-token');
      request.onloadend = done;
      request.send();
    });
  })()`);
  await until(async () => {
    const events = await flushed(page, collector.url, 'sam');
    return events.filter(({ name }) => name.endsWith('/api/headers')).length === 2;
  });
  await page.evaluate("spyglass.capture('last', { note: 'words-nobody-hides' })");
  const there = ['body-asked-for', 'words-nobody-hides'];
  const secrets = ['cookie-of', 'token-of-the-app', 'cookie-by-hand', 'second-token', 'third-token'];
  const found = await until(async () => {
    await page.evaluate('spyglass.flush()');
    const texts = await textsOnDisk(collector.dataDir, [
      ...there,
      ...secrets,
      'server-side',
      'body-nobody-asked-for',
    ]);
    return texts.includes('words-nobody-hides') && texts;
  });
  t.same(found, there, 'what is no secret can be found, and nothing else');
  await page.close();
});

t.test('own requests are no requests, and scrubbed URLs are scrubbed everywhere', async (t) => {
  const tag = scriptTag(collector.url, { 'user-id': '', 'web-vitals': 'false' });
  const init = `<script>
    spyglass.init({ user: { id: 'uma' }, scrubUrl: (url) => url.replace(/secret-\\w+/g, 'hidden') });
  </script>`;
  pages.set('/uma/secret-path', html(tag + init));
  const page = await visit(browser, `${site.url}/uma/secret-path?t=secret-search#secret-hash`, 'networkidle');
  await page.evaluate(`(async () => {
    history.pushState(null, '', '/uma/secret-next');
    await fetch('/api/items?key=secret-query');
    console.error(new Error('at ' + location.href));
    await spyglass.flush();
    await spyglass.flush();
  })()`);
  const events = await flushed(page, collector.url, 'uma');
  t.same(
    events.map(({ type, url }) => [type, url]),
    [
      ['pageview', '/uma/hidden?t=hidden#hidden'],
      ['pageview', '/uma/hidden'],
      ['network', '/uma/hidden'],
      ['error', '/uma/hidden'],
    ],
  );
  t.notMatch(JSON.stringify(events), /secret-/);
  await page.close();
});

t.test('web vitals are recorded, the late ones as the page goes', async (t) => {
  // In one of its own: a page that owns its context takes the network with it.
  const context = await browser.newContext();
  const page = await open('vic', { pageviews: 'false' }, '<h1>Hello</h1><button>Here</button>', '', context);
  // A page that goes before it is painted has two of them only, and a click does not wait for that.
  await page.waitForFunction("performance.getEntriesByName('first-contentful-paint').length");
  await page.click('button');
  await page.close({ runBeforeUnload: true });
  const events = await until(async () => {
    const found = await eventsOf(collector.url, 'vic');
    return found.length >= 4 && found;
  });
  const metrics = events.map((event) => props(event).metric).sort();
  t.same(
    metrics.filter((metric) => metric !== 'INP'),
    ['CLS', 'FCP', 'LCP', 'TTFB'],
  );
  for (const event of events) {
    t.equal(event.name, '$web_vital');
    t.type(props(event).value, 'number');
    t.match(props(event).rating, /^(good|needs-improvement|poor)$/);
  }
});

t.test('clicks and form changes: selectors and names, never what is in a field or is masked', async (t) => {
  const body = `
    <button id="buy"><b>Buy</b> now</button>
    <p class="person big">Alice Example</p>
    <a href="#x" data-spyglass-mask aria-label="Alice Label">Alice Masked</a>
    <div data-spyglass-block><button>Blocked</button></div>
    <form><input name="street"><select aria-label="Country"><option>A<option>Utopia</select></form>
    <div id="host"></div>`;
  const page = await open('cleo', { pageviews: 'false', 'web-vitals': 'false', autocapture: 'true' }, body);
  for (const target of ['b', 'p', 'a', '[data-spyglass-block] button']) await page.click(target);
  await page.fill('[name=street]', '12 Harbour Lane');
  await page.focus('select');
  await page.selectOption('select', 'Utopia');
  const events = await flushed(page, collector.url, 'cleo');
  t.same(
    events.map(({ name, props }) => ({ name, props })),
    [
      { name: '$click', props: { selector: 'button#buy > b', text: 'Buy now' } },
      { name: '$click', props: { selector: 'body > p.person.big' } },
      { name: '$click', props: { selector: 'body > a' } },
      { name: '$form_change', props: { field: 'street' } },
      { name: '$form_change', props: { field: 'body > form > select[aria-label="Country"]' } },
    ],
  );
  await page.click('#buy', { clickCount: 5 });
  const more = (await flushed(page, collector.url, 'cleo')).slice(events.length);
  t.equal(more.filter(({ name }) => name === '$click').length, 5);
  t.same(props(more.find(({ name }) => name === '$rage_click')), { selector: 'button#buy', count: 5 });
  await page.close();
});

t.test('a page that is hostile to one part keeps the others', async (t) => {
  const frozen = `<script>
    Object.defineProperty(window, 'fetch', { value: window.fetch, writable: false, configurable: false });
    Object.freeze(console);
  </script>`;
  const page = await open('flo', { 'web-vitals': 'false' }, '', frozen);
  await page.evaluate("fetch('/api/items'); setTimeout(() => { throw new Error('still seen'); })");
  await page.evaluate('new Promise((done) => setTimeout(done, 20))');
  const events = await flushed(page, collector.url, 'flo');
  t.same(
    events.map(({ name }) => name),
    ['/flo/', 'Error: still seen'],
  );
  await page.close();
});

t.test('stopping puts back what was patched', async (t) => {
  const page = await open('stan');
  const native = `[fetch, console.error, history.pushState, XMLHttpRequest.prototype.send].map((method) => /native/.test(method))`;
  t.same(await page.evaluate(native), [false, false, false, false]);
  await page.evaluate('spyglass.stop()');
  t.same(await page.evaluate(native), [true, true, true, true]);
  await page.evaluate("history.pushState(null, '', '/gone'); console.error('unheard')");
  const names = (await eventsOf(collector.url, 'stan')).map(({ name }) => name);
  t.notOk(names.includes('/gone') || names.includes('console.error: unheard'));
  await page.close();
});
