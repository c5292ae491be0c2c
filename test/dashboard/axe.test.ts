/** Every view as assistive technology meets it: axe finds nothing serious, wide and light, narrow and dark, full, empty and failing. */
import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, KEY, spawnCollector } from '../support/collector.js';
import { open, read, startFilled } from './open.js';
import { meta, nowSaying, picture, saying } from './recordings.js';

t.setTimeout(240_000);

/** The widest screen and the narrowest, each in the colours that the other does without. */
const LOOKS: Record<string, BrowserContextOptions> = {
  'wide and light': { viewport: { width: 1_440, height: 900 }, colorScheme: 'light' },
  'narrow and dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
};

const [browser, full, empty] = await Promise.all([launchBrowser(), startFilled(), spawnCollector()]);
t.teardown(async () => {
  await browser.close();
  await Promise.all([full.close(), empty.close()]);
});
await full.send([
  {
    user_id: 'axe',
    session_id: 's_axe',
    type: 'error',
    name: 'TypeError: axe',
    props: { stack: 'at a (b.js:1:2)' },
  },
  {
    user_id: 'axe',
    session_id: 's_axe',
    type: 'bug_report',
    name: 'it broke',
    props: { comment: 'it broke', severity: 'high' },
  },
]);

const start = Date.now() - 60_000;
const recording = [meta(start), picture(start, saying('hello')), nowSaying(start + 5_000, 'goodbye')];
const chunk = await fetch(`${full.url}/v1/replay?session=s_axe&seq=1&ts=${start}`, {
  method: 'POST',
  headers: { 'X-Spyglass-Key': KEY, 'Content-Type': 'application/octet-stream' },
  body: gzipSync(JSON.stringify(recording)),
});
if (!chunk.ok) throw new Error(await chunk.text());

interface Rows {
  events: { id: number; ts: number }[];
  groups: { group: string }[];
}
const { events } = await read<Rows>(full, '/v1/query/events?type=error&limit=1');
const { events: pageviews } = await read<Rows>(full, '/v1/query/events?type=pageview&limit=1');
const { groups } = await read<Rows>(full, '/v1/query/errors?limit=1');
/** Each view of the filled collector, and what is there once it has drawn itself. */
const VIEWS: [path: string, ready: string][] = [
  [`/live?event=${pageviews[0]?.ts}.${pageviews[0]?.id}`, '.detail-name'],
  ['/users', '.body-row'],
  [`/users/${APP}/axe?session=s_axe`, '.trail-item'],
  ['/errors', '.body-row'],
  [`/errors/${encodeURIComponent(groups[0]?.group ?? '')}`, 'h1'],
  ['/replay', '.body-row'],
  [`/replay/${APP}/s_axe`, 'iframe'],
  ['/insights?range=all&steps=invoice_started,invoice_created', '.funnel-sum'],
  [`/incidents/${events[0]?.id}`, 'h1'],
  ['/nowhere', '.empty'],
];
const EMPTY_VIEWS: [path: string, ready: string][] = [
  ['/', 'pre'],
  ['/users', '.empty'],
  ['/errors', '.empty'],
  ['/replay', '.empty'],
  ['/insights', '.empty'],
  ['/incidents/1', '.failure, .empty'],
  ['/users/none/none', '.empty'],
];

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe holds against the page as it is now, in words. */
async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate<Violation[]>(
    // What is within a recording is not ours.
    'axe.run({ exclude: ["iframe"] }, { iframes: false }).then(({ violations }) => violations)',
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}

for (const [look, options] of Object.entries(LOOKS)) {
  t.test(look, async (t) => {
    // Without movement: colours half-way between two are nobody's.
    const settings = { ...options, reducedMotion: 'reduce' } as const;
    const page = await open(t, browser, full.url, settings);
    for (const [path, ready] of VIEWS) {
      await page.goto(full.url + path);
      await page.locator(ready).first().waitFor();
      t.same(await complaints(page), [], path);
    }
    const bare = await open(t, browser, empty.url, settings);
    for (const [path, ready] of EMPTY_VIEWS) {
      await bare.goto(empty.url + path);
      await bare.locator(ready).first().waitFor();
      t.same(await complaints(bare), [], `${path}, empty`);
    }
    await bare.route('**/v1/query/**', (route) => route.fulfill({ status: 500, body: 'no' }));
    for (const path of ['/live', '/users', '/errors', '/replay', '/insights']) {
      await bare.goto(empty.url + path);
      await bare.locator('.failure').first().waitFor();
      t.same(await complaints(bare), [], `${path}, failing`);
    }
  });
}

t.test('by keyboard: a way past the navigation, and from view to view', async (t) => {
  const page = await open(t, browser, `${full.url}/users`);
  await page.locator('.body-row').first().waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  t.equal(await page.evaluate('document.activeElement.id'), 'main');
  await page.keyboard.press('Tab');
  t.equal(await page.evaluate('document.activeElement.closest("label")?.textContent'), 'Find');
  await page.keyboard.press('Tab');
  t.equal(await page.evaluate('document.activeElement.getAttribute("role")'), 'table');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/users\/./);
  t.equal(await page.evaluate('document.activeElement.id'), 'main', 'a new view is where the keys go on');
});
