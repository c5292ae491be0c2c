/** The script tag and the calls an app makes: who is there, what `init` refuses, policies and origins of all kinds. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, KEY, startCollector, type TestCollector } from '../support/collector.js';
import { startSite } from '../support/site.js';

declare const spyglass: {
  init(options?: object): void;
  capture(name: string, props?: object): void;
  pageview(path?: string): void;
  setUser(user: object): void;
  flush(): Promise<void>;
  stop(): void;
};

declare const isSecureContext: boolean;
declare const history: { pushState: unknown };
declare const XMLHttpRequest: { prototype: { send: unknown } };
declare const window: { natives: unknown[] };

interface StoredEvent {
  name: string;
  type: string;
  user_id: string;
  session_id: string;
  url?: string;
  user?: { name?: string; email?: string };
  props?: Record<string, unknown>;
}

/** `app.test` is served by plain HTTP: to a browser, an insecure place. */
const browser = await launchBrowser({
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--host-resolver-rules=MAP app.test 127.0.0.1',
  ],
});
t.teardown(() => browser.close());

const OFF = 'data-pageviews="false" data-errors="false" data-network="false" data-web-vitals="false"';
const QUIET = `${OFF} data-replay="false" data-report-button="false"`;

async function open(
  t: Test,
  { tag = `data-user-id="alice" ${QUIET}`, headers = {}, host = '127.0.0.1', before = '' } = {},
) {
  const collector = await startCollector();
  const script = `<script nonce="n0nce" src="${collector.url}/sdk/spyglass.js" data-app="${APP}" data-key="${KEY}" ${tag}></script>`;
  const site = await startSite(() => ({
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [
        name,
        String(text).replaceAll('COLLECTOR', collector.url),
      ]),
    ),
    body: `<!doctype html><title>App</title>${before}${script}${script}`,
  }));
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('response', (response) => {
    if (response.status() >= 400)
      complaints.push(`${response.status()} ${response.request().method()} ${response.url()}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  t.teardown(async () => {
    await page.close();
    await site.close();
    await collector.close();
  });
  await page.goto(site.url.replace('127.0.0.1', host));
  return { collector, page, complaints };
}

const SERVED = join(process.cwd(), 'dist/public/sdk');
/** The SDK as the compiler left it: without types, and with the names that its sources have. */
const COMPILED = join(process.cwd(), 'dist/sdk/src');

function sources(): string[] {
  const files = readdirSync(COMPILED, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.js'))
    .map((file) => readFileSync(join(COMPILED, file), 'utf8'));
}

/** The properties that an object literal or a pattern names. */
const namesIn = (text: string): string[] =>
  text
    .split(/,\s*/)
    .map((part) => /^\s*(\w*)/.exec(part)?.[1] ?? '')
    .filter(Boolean);

/** Every name of a property in the SDK's sources. */
const ownNames = (): string[] => [
  ...new Set(
    sources().flatMap((text) =>
      [...text.matchAll(/\.([a-z]\w*)|\b([a-z]\w*)(?=: )/g)].map(([, read, set]) => read ?? set ?? ''),
    ),
  ),
];

/** All events, oldest first. */
async function eventsOf(collector: TestCollector): Promise<StoredEvent[]> {
  const answer = await collector.get('/v1/query/events?limit=500');
  const { events } = (await answer.json()) as { events: StoredEvent[] };
  return events.reverse();
}

t.test('a tag given twice captures once; calls do what they say', async (t) => {
  const { collector, page, complaints } = await open(t, {
    tag: `data-user-id="alice" data-user-name="Alice" ${QUIET}`,
  });
  await page.evaluate(async () => {
    spyglass.capture('first', { amount: 1200 });
    spyglass.capture('cyclic', {
      get self() {
        throw new Error('never');
      },
    });
    spyglass.pageview('/orders/:id');
    spyglass.pageview();
    spyglass.setUser({ id: 'alice', name: 'Alice', email: 'alice@example.com' });
    spyglass.capture('renamed');
    spyglass.setUser({ id: 'bob' });
    spyglass.capture('by bob');
    await spyglass.flush();
  });
  const events = await eventsOf(collector);
  t.same(
    events.map(({ name, type, user_id, user }) => [name, type, user_id, user?.name, user?.email]),
    [
      ['first', 'event', 'alice', 'Alice', undefined],
      ['cyclic', 'event', 'alice', undefined, undefined],
      ['/orders/:id', 'pageview', 'alice', undefined, undefined],
      ['/', 'pageview', 'alice', undefined, undefined],
      ['renamed', 'event', 'alice', 'Alice', 'alice@example.com'],
      ['by bob', 'event', 'bob', undefined, undefined],
    ],
  );
  t.same(events[0]?.props, { amount: 1200 });
  t.equal(events[2]?.url, '/orders/:id');
  t.equal(new Set(events.slice(0, 5).map(({ session_id }) => session_id)).size, 1);
  t.not(events[5]?.session_id, events[0]?.session_id, 'another user, another session');
  t.same(complaints, []);
});

t.test(
  'a property arrives under the name that the page gave it, whatever the SDK calls its own',
  async (t) => {
    const { collector, page } = await open(t);
    const given = Object.fromEntries(ownNames().map((name, place) => [name, place]));
    for (const name of ['record', 'bytes', 'settle', 'congested', 'stored'])
      t.ok(name in given, `${name} was found`);
    await page.evaluate(async (given) => {
      spyglass.capture('all names', given);
      await spyglass.flush();
    }, given);
    t.same((await eventsOf(collector))[0]?.props, given);
  },
);

t.test('the build renames no property that the SDK sends', async (t) => {
  const served = readdirSync(SERVED).map((name) => readFileSync(join(SERVED, name), 'utf8'));
  const sent = sources().flatMap((text) =>
    [...text.matchAll(/props: \{([^{}]*)\}/g)].flatMap(([, props = '']) => namesIn(props)),
  );
  t.ok(sent.length > 20, 'names were found');
  const isThere = (name: string) => served.some((text) => new RegExp(`[{,]${name}\\b`).test(text));
  t.same(
    sent.filter((name) => !isThere(name)),
    [],
  );
});

t.test('a page that learns later who is there', async (t) => {
  const { collector, page } = await open(t, { tag: QUIET });
  const thrown = await page.evaluate(async () => {
    spyglass.capture('too early');
    const thrown: string[] = [];
    for (const user of [undefined, {}, { id: '' }]) {
      try {
        spyglass.init({ user });
      } catch (error) {
        thrown.push(String(error));
      }
    }
    spyglass.init({ user: { id: 'carol' } });
    spyglass.init({ user: { id: 'dave' } });
    spyglass.capture('in time');
    await spyglass.flush();
    return thrown;
  });
  t.same(thrown, Array(3).fill('TypeError: spyglass: init needs endpoint, app, key and user.id'));
  t.same(
    (await eventsOf(collector)).map(({ name, user_id }) => [name, user_id]),
    [['in time', 'carol']],
  );
});

t.test('a strict policy that lets scripts in by nonce alone', async (t) => {
  const { collector, page, complaints } = await open(t, {
    tag: 'data-user-id="alice"',
    headers: {
      'content-security-policy':
        "default-src 'none'; script-src 'nonce-n0nce'; style-src 'nonce-n0nce'; connect-src COLLECTOR; img-src data:; worker-src 'none'; require-trusted-types-for 'script'",
    },
  });
  await page.waitForFunction(
    () =>
      performance
        .getEntriesByType('resource')
        .filter(({ name }) => /sdk\/(replay|report|vitals|describe)-/.test(name)).length >= 4,
  );
  await page.evaluate(async () => {
    spyglass.capture('allowed');
    await spyglass.flush();
  });
  t.same(
    (await eventsOf(collector))
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('$'))
      .sort(),
    ['/', 'allowed'],
  );
  t.same(complaints, []);
});

t.test('a page served by plain HTTP, without locks and `randomUUID`', async (t) => {
  const { collector, page } = await open(t, { host: 'app.test' });
  const secure = await page.evaluate(async () => {
    spyglass.capture('insecure');
    await spyglass.flush();
    return isSecureContext;
  });
  t.equal(secure, false);
  t.same(
    (await eventsOf(collector)).map(({ name }) => name),
    ['insecure'],
  );
});

t.test('nothing of the page is changed after a stop', async (t) => {
  const { page } = await open(t, {
    tag: 'data-user-id="alice"',
    before:
      '<script nonce="n0nce">window.natives = [fetch, console.error, history.pushState, XMLHttpRequest.prototype.send]</script>',
  });
  const same = await page.evaluate(() => {
    spyglass.stop();
    const natives = [fetch, console.error, history.pushState, XMLHttpRequest.prototype.send];
    return natives.map((native, at) => native === window.natives[at]);
  });
  t.same(same, [true, true, true, true]);
});

t.test('on a server it does nothing', async (t) => {
  const entry = pathToFileURL(join(process.cwd(), 'sdk/dist/index.js')).href;
  const { spyglass } = await import(entry);
  spyglass.init({});
  spyglass.capture('nothing');
  spyglass.pageview('/nothing');
  spyglass.setUser({ id: 'nobody' });
  t.equal(await spyglass.report('nothing'), false);
  await spyglass.flush();
  spyglass.stop();
});
