/** Whatever happens to page, network and collector, each event the SDK took is stored exactly once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, type ConfigOverrides, KEY, startCollector } from '../support/collector.js';
import { startGateway } from '../support/gateway.js';
import { startSite } from '../support/site.js';

declare const window: { location: { href: string } };
declare const spyglass: {
  capture(name: string, props?: object): void;
  report(comment: string): Promise<boolean>;
  flush(): Promise<void>;
  stop(): void;
};

const browser = await launchBrowser();
t.teardown(() => browser.close());

/** A collector, a gateway before it, and an app of another origin that has the SDK and sends nothing by itself. */
async function world(
  t: Test,
  { overrides = {}, attributes = '' }: { overrides?: ConfigOverrides; attributes?: string } = {},
) {
  const collector = await startCollector(overrides);
  const gateway = await startGateway(() => collector.url);
  const off = ['pageviews', 'errors', 'network', 'web-vitals', 'replay', 'report-button'];
  const site = await startSite((path) => ({
    body: `<!doctype html><title>App</title><h1>${path}</h1>
      <script src="${gateway.url}/sdk/spyglass.js" data-app="${APP}" data-key="${KEY}" data-user-id="alice"
        ${off.map((name) => `data-${name}="false"`).join(' ')} ${attributes}></script>`,
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

t.test('events are sent in batches of 20, and what is left soon after', async (t) => {
  const { collector, gateway, open } = await world(t);
  const page = await open();
  const names = await capture(page, 'e', 45);
  await settled(t, collector, names);
  t.same(
    gateway.sent.map(({ names }) => names.length),
    [20, 20, 5],
  );
});

t.test('a tab that is closed sends what it has', async (t) => {
  const { collector, open } = await world(t);
  const page = await open();
  const names = await capture(page, 'e', 7);
  await page.close({ runBeforeUnload: true });
  await settled(t, collector, names);
});

t.test('a page that is left sends what fits, and the next one the rest', async (t) => {
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

t.test('a reload in the middle of a request', async (t) => {
  const { collector, gateway, open } = await world(t);
  gateway.decide((_sent, count) => (count === 0 ? 'hang' : 'pass'));
  const page = await open();
  const names = await capture(page, 'e', 20);
  while (gateway.sent.length === 0) await sleep(20);
  await page.reload();
  names.push(...(await capture(page, 'f', 3)));
  await settled(t, collector, names);
});
