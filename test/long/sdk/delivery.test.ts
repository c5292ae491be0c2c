/** Whatever happens to page, network and collector, each event the SDK took is stored exactly once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { launchBrowser } from '../../support/browser.js';
import { APP, type ConfigOverrides, KEY, spawnCollector, startCollector } from '../../support/collector.js';
import { startGateway } from '../../support/gateway.js';
import { startSite } from '../../support/site.js';

declare const window: { location: { href: string } };
declare const spyglass: {
  capture(name: string, props?: object): void;
  report(comment: string): Promise<boolean>;
  flush(): Promise<void>;
  stop(): void;
};

// They mostly wait.
t.jobs = 4;

const browser = await launchBrowser();
t.teardown(() => browser.close());

/** A collector, a gateway before it, and an app of another origin that has the SDK and sends nothing by itself. */
async function world(
  t: Test,
  {
    overrides = {},
    key = KEY,
    target,
  }: { overrides?: ConfigOverrides; key?: string; target?: () => string } = {},
) {
  const collector = await startCollector(overrides);
  const gateway = await startGateway(target ?? (() => collector.url));
  const off = ['pageviews', 'errors', 'network', 'web-vitals', 'replay', 'report-button'];
  const site = await startSite((path) => ({
    body: `<!doctype html><title>App</title><h1>${path}</h1>
      <script src="${gateway.url}/sdk/spyglass.js" data-app="${APP}" data-key="${key}" data-user-id="alice"
        ${off.map((name) => `data-${name}="false"`).join(' ')}></script>`,
  }));
  const context = await browser.newContext();
  t.teardown(async () => {
    await context.close();
    await site.close();
    await gateway.close();
    await collector.close();
  });
  return { collector, gateway, site, context, open: () => openPage(context, site.url) };
}

async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** Closes a tab as a person does. */
async function leave(page: Page): Promise<void> {
  const closed = page.waitForEvent('close');
  await page.close({ runBeforeUnload: true });
  await closed;
}

/** Captures `count` events named `<prefix>1`, `<prefix>2`, …; their names. */
async function capture(page: Page, prefix: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);
  await page.evaluate((names) => {
    for (const name of names) spyglass.capture(name, { text: 'é😀\n"' });
  }, names);
  return names;
}

/** The names of all events stored, as often as they are, in order of their names. */
async function stored(collector: { get(path: string): Promise<Response> }): Promise<string[]> {
  const names: string[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const answer = await collector.get(`/v1/query/events?limit=500&cursor=${cursor}`);
    const page = (await answer.json()) as { events: { name: string }[]; next_cursor?: string };
    names.push(...page.events.map(({ name }) => name));
    cursor = page.next_cursor;
  }
  return sorted(names);
}

const sorted = (names: string[]) => [...names].sort();

/** Waits until that many events are stored, then for those that should not come. */
async function settled(t: Test, collector: { get(path: string): Promise<Response> }, names: string[]) {
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(100)) {
    if ((await stored(collector)).length >= names.length) break;
  }
  await sleep(300);
  t.same(await stored(collector), sorted(names));
}

// First, for it takes longest.
t.test('a collector that is killed and comes back after half a minute', { buffered: true }, async (t) => {
  const killed = await spawnCollector();
  t.teardown(killed.close);
  const { gateway, open } = await world(t, { target: () => killed.url });
  const page = await open();
  const rest = await open();
  const names = await capture(page, 'e', 40);
  while (gateway.sent.length === 0) await sleep(20);
  await killed.kill();
  names.push(...(await capture(page, 'f', 25)));
  names.push(...(await capture(rest, 'of a tab that is left ', 23)));
  await sleep(15_000);
  await leave(rest);
  await sleep(15_000);
  await killed.restart();
  names.push(...(await capture(page, 'g', 5)));
  // What the tab left, the next page of the app sends.
  await open();
  await settled(t, killed, names);
});

t.test('events are sent in batches of 20, and what is left soon after', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  const page = await open();
  const names = await capture(page, 'e', 45);
  await settled(t, collector, names);
  t.same(
    gateway.sent.map(({ names }) => names.length),
    [20, 20, 5],
  );
});

t.test('a tab that is closed sends what it has', { buffered: true }, async (t) => {
  const { collector, open } = await world(t);
  const page = await open();
  const names = await capture(page, 'e', 7);
  await leave(page);
  await settled(t, collector, names);
});

t.test('a page that is left sends what fits, and the next one the rest', { buffered: true }, async (t) => {
  const { collector, open, site } = await world(t);
  const page = await open();
  const names = await page.evaluate(() => {
    const names = Array.from({ length: 60 }, (_, at) => `big${at}`);
    for (const name of names) spyglass.capture(name, { text: 'x'.repeat(4_000) });
    window.location.href = '/next';
    return names;
  });
  await page.waitForURL(`${site.url}/next`);
  await settled(t, collector, names);
});

t.test('a reload in the middle of a request', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide((_sent, count) => (count === 0 ? 'hang' : 'pass'));
  const page = await open();
  const names = await capture(page, 'e', 20);
  while (gateway.sent.length === 0) await sleep(20);
  await page.reload();
  names.push(...(await capture(page, 'f', 3)));
  await settled(t, collector, names);
});

t.test('an answer that is lost on the way', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide((_sent, count) => (count < 2 ? 'lost' : 'pass'));
  const names = await capture(await open(), 'e', 20);
  await settled(t, collector, names);
  t.equal(new Set(gateway.sent.map(({ batchId }) => batchId)).size, 1, 'the batch keeps its id');
});

t.test('a storm of 503s', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide((_sent, count) => (count % 3 === 2 ? 'pass' : { status: 503 }));
  const page = await open();
  const names = await capture(page, 'e', 50);
  await settled(t, collector, names);
});

t.test('a 429 is waited out', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide((_sent, count) => (count === 0 ? { status: 429, retryAfterS: 3 } : 'pass'));
  const page = await open();
  const names = await capture(page, 'e', 40);
  await sleep(200);
  // Neither more events nor a call brings the next request forward.
  await page.evaluate(() => spyglass.flush());
  await settled(t, collector, names);
  const [first, second] = gateway.sent;
  t.ok(first && second && second.at - first.at >= 3_000);
});

t.test('offline and back', { buffered: true }, async (t) => {
  const { collector, context, open } = await world(t);
  const page = await open();
  await context.setOffline(true);
  const names = await capture(page, 'e', 30);
  t.equal(await page.evaluate(() => spyglass.report('none hears me')), false);
  t.same(await stored(collector), []);
  await context.setOffline(false);
  await settled(t, collector, [...names, 'none hears me']);
});

t.test('offline, reloaded from nowhere, and back in another tab', { buffered: true }, async (t) => {
  const { collector, context, open } = await world(t);
  const page = await open();
  await context.setOffline(true);
  const names = await capture(page, 'e', 30);
  await leave(page);
  await context.setOffline(false);
  const next = await open();
  names.push(...(await capture(next, 'f', 3)));
  await settled(t, collector, names);
});

t.test('a tab that crashes', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide(() => ({ status: 503 }));
  const page = await open();
  const names = await capture(page, 'e', 23);
  await page.goto('chrome://crash').catch(() => {});
  gateway.decide(() => 'pass');
  await open();
  await settled(t, collector, names);
});

t.test('two tabs send what is theirs, and one what the other left', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide(() => ({ status: 503 }));
  const pages = [await open(), await open()] as const;
  const requests: string[][] = pages.map(() => []);
  pages.forEach((page, at) => {
    page.on('request', (request) => {
      if (request.method() === 'POST') requests[at]?.push(request.postDataJSON().batch_id);
    });
  });
  const names = [...(await capture(pages[0], 'a', 25)), ...(await capture(pages[1], 'b', 25))];
  await sleep(3_000);
  t.same(
    requests[0]?.filter((id) => requests[1]?.includes(id)),
    [],
    'while both live',
  );
  await leave(pages[0]);
  gateway.decide(() => 'pass');
  await pages[1].reload();
  await settled(t, collector, names);
});

t.test(
  'a batch too large is cut, an event too large is given up and counted',
  { buffered: true },
  async (t) => {
    const { collector, open } = await world(t, { overrides: { limits: { body_bytes: 3_000 } } });
    const page = await open();
    const names = await capture(page, 'e', 19);
    await page.evaluate(() => spyglass.capture('huge', { text: 'x'.repeat(5_000) }));
    await settled(t, collector, names);
    // The next batch that is taken is followed by how many were not.
    names.push(...(await capture(page, 'f', 1)));
    await page.evaluate(() => spyglass.flush());
    await settled(t, collector, [...names, '$events_dropped']);
  },
);

t.test('an event the collector refuses costs no other', { buffered: true }, async (t) => {
  const { collector, open } = await world(t);
  const page = await open();
  const warnings: string[] = [];
  page.on('console', (message) => warnings.push(message.text()));
  await page.evaluate(() => {
    // A name has at least one character.
    spyglass.capture('');
    spyglass.capture('');
  });
  const names = await capture(page, 'e', 18);
  await settled(t, collector, [...names, '$events_dropped']);
  t.equal(warnings.filter((text) => text.startsWith('spyglass:')).length, 1);
  const { events } = (await (await collector.get('/v1/query/events?type=event&limit=1')).json()) as {
    events: { props: object }[];
  };
  t.same(events[0]?.props, { count: 2 });
});

t.test('a wrong key is one warning and no second request', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t, { key: 'sg_wrong' });
  const page = await open();
  const warnings: string[] = [];
  page.on('console', (message) => warnings.push(message.text()));
  await capture(page, 'e', 40);
  await page.evaluate(() => spyglass.flush());
  await settled(t, collector, []);
  t.equal(gateway.sent.length, 2);
  t.equal(warnings.filter((text) => text.startsWith('spyglass:')).length, 1);
});

t.test('a 403 drops what it was for, and no more', { buffered: true }, async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide((_sent, count) => (count === 0 ? { status: 403, problem: 'origin_not_allowed' } : 'pass'));
  const page = await open();
  const [refused, ...names] = await capture(page, 'e', 41);
  await settled(t, collector, [...names.slice(19), '$events_dropped']);
  t.ok(refused && gateway.sent[0]?.names.includes(refused));
  t.equal(new Set(gateway.sent.map(({ batchId }) => batchId)).size, gateway.sent.length);
});

t.test('what has waited for 6 days is given up and counted', { buffered: true }, async (t) => {
  const { collector, context, gateway, open } = await world(t);
  gateway.decide(() => ({ status: 503 }));
  const page = await open();
  await capture(page, 'old', 20);
  while (gateway.sent.length === 0) await sleep(20);
  await leave(page);
  // The page of a week later; the collector keeps its own time.
  await context.addInitScript('{ const now = Date.now; Date.now = () => now() + 6.1 * 86_400_000; }');
  gateway.decide(() => 'pass');
  const next = await open();
  await sleep(3_000);
  const names = await capture(next, 'new', 20);
  await settled(t, collector, [...names, '$events_dropped']);
});

t.test('a page that is denied its storage', { buffered: true }, async (t) => {
  const { collector, context, open } = await world(t);
  await context.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(globalThis, name, {
        get: () => {
          throw new Error('denied');
        },
      });
    }
  });
  const page = await open();
  const names = await capture(page, 'e', 23);
  await page.evaluate(() => spyglass.flush());
  await settled(t, collector, names);
});

t.test('an app that clears its storage', { buffered: true }, async (t) => {
  const { collector, open } = await world(t);
  const page = await open();
  const names = await capture(page, 'e', 5);
  await page.evaluate('localStorage.clear(); sessionStorage.clear()');
  names.push(...(await capture(page, 'f', 5)));
  await settled(t, collector, names);
});

t.test('a report is confirmed once the collector has it', { buffered: true }, async (t) => {
  const { collector, open } = await world(t);
  const page = await open();
  t.equal(await page.evaluate(() => spyglass.report('the button is blue')), true);
  t.same(await stored(collector), ['the button is blue']);
});

t.test('what is queued at a stop is sent', { buffered: true }, async (t) => {
  const { collector, open } = await world(t);
  const page = await open();
  const names = await capture(page, 'e', 5);
  await page.evaluate(() => spyglass.stop());
  await capture(page, 'late', 1);
  await settled(t, collector, names);
});
