/** The dashboard in a real browser, on a full store: how soon each view is drawn, and how evenly a long list scrolls. */
import { rmSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { DAY_MS } from '../src/limits.js';
import { launchBrowser } from '../test/support/browser.js';
import { DAYS, END } from './data.js';
import { median, type Row, spread } from './report.js';
import { startSpyglass } from './servers.js';
import { copyOf } from './stored.js';

const LOADS = 5;
const LONG_LIST_ROWS = 10_000;
const SCROLL_FRAMES = 240;
const SCROLL_STEP_PX = 120;
/** A frame at 60 a second, and a little: the clock in the page is coarse. */
const FRAME_MS = 17.5;

/** The stored month, which is not the last one, where a view has a range; and what must be there for it to count as drawn. */
const MONTH = `from=${END - DAYS * DAY_MS}&to=${END}`;
const VIEWS: Record<string, { path: string; drawn: string }> = {
  live: { path: '/live', drawn: '.body-row' },
  users: { path: '/users', drawn: '.body-row' },
  errors: { path: `/errors?${MONTH}`, drawn: '.row-link' },
  insights: { path: `/insights?${MONTH}`, drawn: 'svg rect' },
};

export async function benchDashboard(folder: string, events: number): Promise<Row[]> {
  const { home, dataDir } = await copyOf(events, folder);
  const server = await startSpyglass({ dataDir, folder: home });
  const browser = await launchBrowser();
  try {
    const rows: Row[] = [];
    for (const [name, { path, drawn }] of Object.entries(VIEWS)) {
      const times: number[] = [];
      for (let load = 0; load < LOADS; load++) times.push(await timeView(browser, server.url + path, drawn));
      const goal = { below: 1_000 };
      rows.push({
        name: `first view: ${name}`,
        value: median(times),
        unit: 'ms',
        spread: spread(times),
        goal,
      });
    }
    const frames = await scrollLive(browser, server.url);
    rows.push({
      name: `a frame while ${LONG_LIST_ROWS} rows scroll`,
      value: median(frames),
      unit: 'ms',
      spread: spread(frames),
      goal: { below: FRAME_MS },
    });
    return rows;
  } finally {
    await browser.close();
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** From the start of the navigation, by the page's own clock, to the frame after the view's first figures; nothing is cached. */
async function timeView(browser: Browser, url: string, drawn: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(url, { waitUntil: 'commit' });
    await page.locator(drawn).first().waitFor();
    return await page.evaluate<number>(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))',
    );
  } finally {
    await context.close();
  }
}

/** The time between frames, ms, while the live list scrolls through as many rows as it holds. */
async function scrollLive(browser: Browser, url: string): Promise<number[]> {
  const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
  await page.goto(`${url}/live`);
  await page.locator('.body-row').first().waitFor();
  await loadRows(page);
  return page.evaluate<number[]>(`(async () => {
    const table = document.querySelector('.table');
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const times = [];
    table.scrollTop = 0;
    let last = await frame();
    for (let i = 0; i < ${SCROLL_FRAMES}; i++) {
      table.scrollTop += ${SCROLL_STEP_PX};
      const now = await frame();
      times.push(now - last);
      last = now;
    }
    return times;
  })()`);
}

async function loadRows(page: Page): Promise<void> {
  const scrollToEnd = `(() => {
    const table = document.querySelector('.table');
    table.scrollTop = table.scrollHeight;
    return Number(table.getAttribute('aria-rowcount'));
  })()`;
  while ((await page.evaluate<number>(scrollToEnd)) < LONG_LIST_ROWS) await page.waitForTimeout(50);
}
