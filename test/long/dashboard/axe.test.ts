/** Every view as assistive technology meets it: axe finds nothing serious, wide and narrow, light and dark, full, empty and failing. */
import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import t from 'tap';
import { open, read, startFilled } from '../../dashboard/open.js';
import { meta, nowSaying, picture, saying } from '../../dashboard/recordings.js';
import { launchBrowser } from '../../support/browser.js';
import { APP, KEY, spawnCollector } from '../../support/collector.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

const WIDE = { width: 1_440, height: 900 };
const NARROW = { width: 390, height: 844 };
const LOOKS: Record<string, BrowserContextOptions> = {
  'wide and light': { viewport: WIDE, colorScheme: 'light' },
  'wide and dark': { viewport: WIDE, colorScheme: 'dark' },
  'narrow and light': { viewport: NARROW, colorScheme: 'light' },
  'narrow and dark': { viewport: NARROW, colorScheme: 'dark' },
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
    // The empty views and the failing ones have nothing of their own to the width or the colours.
    if (look !== 'wide and light' && look !== 'narrow and dark') return;
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
  // The address changes a moment before.
  await page.waitForFunction("document.activeElement.id === 'main'");
  t.pass('a new view is where the keys go on');
});

t.test('whatever has the focus can be seen to have it', async (t) => {
  const page = await open(t, browser, `${full.url}/live`);
  for (const path of ['/live', '/errors', '/insights?steps=a,b', `/replay/${APP}/s_axe`]) {
    await page.goto(full.url + path);
    await page.locator('.body-row, .top-table, .follow-row').first().waitFor();
    let seen = 0;
    for (let steps = 0; steps < 25; steps++) {
      await page.keyboard.press('Tab');
      const { name, isSeen } = await page.evaluate<{ name: string; isSeen: boolean }>(FOCUS);
      if (name === 'body.') break;
      seen += 1;
      t.ok(isSeen, `${path}: ${name}`);
    }
    t.ok(seen > 5, `${path}: there is something to step through`);
  }
});

/** What has the focus, and whether it, its link's row or the box around it has an outline. */
const FOCUS = `(() => {
  const element = document.activeElement;
  const outlined = (target, part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(target, part);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1;
  };
  const isSeen = outlined(element) || outlined(element, '::after') || (element.parentElement !== null && outlined(element.parentElement));
  return { name: element.localName + '.' + element.className, isSeen };
})()`;

t.test('nothing moves for those who asked for that', async (t) => {
  const moving = (page: Page) =>
    page.evaluate<number>(
      `document.getAnimations().filter(({ playState }) => playState === 'running').length`,
    );
  const lively = await open(t, browser, `${empty.url}/`);
  await lively.locator('.start-wait').waitFor();
  t.ok((await moving(lively)) > 0, 'the dot of the first start does, for everybody else');
  const calm = await open(t, browser, `${empty.url}/`, { reducedMotion: 'reduce' });
  await calm.locator('.start-wait').waitFor();
  await calm.waitForTimeout(100);
  t.equal(await moving(calm), 0);
});
