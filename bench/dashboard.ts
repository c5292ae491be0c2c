/** The dashboard in a real browser on a full store: time to draw each view, frames of a long list, long tasks in a flood. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { DAY_MS } from '../src/domain/limits.js';
import { launchBrowser } from '../test/support/browser.js';
import { APP, bodyEvents, bodyParts, DAYS, END, KEY, randomFrom, USERS } from './data.js';
import { median, type Row, spread } from './report.js';
import { startSpyglass } from './servers.js';
import { copyOf } from './stored.js';

const LOADS = 5;
const DRAWN_MS_MAX = 30_000;
const LONG_LIST_ROWS = 10_000;
const SCROLL_FRAMES = 240;
const SCROLL_STEP_PX = 120;
/** One frame at 60 Hz, plus a margin for the page's coarse clock. */
const FRAME_MS = 17.5;
const FLOOD_S = 8;
const FLOOD_BODIES_A_S = 75;
const FLOOD_BODY_EVENTS = 20;
/** Five seconds of a form being filled in, recorded by rrweb; it begins with a full snapshot. */
const RECORDING = join(process.cwd(), 'test/dashboard/fixtures/order-form.json');
const PARTS = 14;
const PART_MS = 5_000;
/** The same as in the test of the budget. */
const SCRIPT_KB_MAX = 75;
const STYLES_KB_MAX = 15;

/** The stored month, for views with a range, since it is not the last month; `drawn` matches once a view is drawn. */
const MONTH = `from=${END - DAYS * DAY_MS}&to=${END}`;
const VIEWS: Record<string, { path: string; drawn: string }> = {
  live: { path: '/live', drawn: '.body-row' },
  users: { path: '/users', drawn: '.body-row' },
  errors: { path: `/errors?${MONTH}`, drawn: '.row-link' },
  'replay list': { path: '/replay', drawn: '.body-row' },
  // Not any bar of a chart: the logo and the empty funnel have bars before there is data.
  insights: { path: `/insights?${MONTH}`, drawn: '.top-bar' },
};

export async function benchDashboard(folder: string, events: number): Promise<Row[]> {
  const { home, dataDir } = await copyOf(events, folder);
  const server = await startSpyglass({ dataDir, folder: home });
  const browser = await launchBrowser();
  try {
    const rows: Row[] = [];
    const path = `/incidents/${await recordedError(server.url)}`;
    const incidents = {
      incident: { path, drawn: '.incident-what' },
      // The word beside the picture disappears once the picture shows its moment.
      'incident with its picture': { path, drawn: '.incident-picture .player-word:empty' },
    };
    for (const [name, { path, drawn }] of Object.entries({ ...VIEWS, ...incidents })) {
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
    const sorted = [...frames].sort((a, b) => a - b);
    const p95 = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
    rows.push({ name: 'the same, 95th percentile', value: p95, unit: 'ms' });
    const sum = frames.reduce((total, ms) => total + ms, 0);
    rows.push({ name: 'the same, on average', value: (frames.length / sum) * 1_000, unit: 'frames/s' });
    rows.push(...(await firstLoad(browser, server.url)), ...(await floodLive(browser, server.url)));
    return rows;
  } finally {
    await browser.close();
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** From the start of the navigation, by the page's clock, to the frame after the first data; without caches. */
async function timeView(browser: Browser, url: string, drawn: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(url, { waitUntil: 'commit' });
    // Look at every frame: Playwright's own wait polls less and less often.
    return await page.evaluate<number>(`new Promise((done, fail) => {
      setTimeout(() => fail(new Error(${JSON.stringify(`${drawn} was not drawn`)})), ${DRAWN_MS_MAX});
      const look = () => {
        if (document.querySelector(${JSON.stringify(drawn)}) === null) requestAnimationFrame(look);
        else requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
      };
      look();
    })`);
  } finally {
    await context.close();
  }
}

/** The times between frames, ms, while the full live list scrolls some 900 rows down from its top. */
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

/** Uploads a recording of the minute around the newest error of `APP`, in parts of five seconds; returns the error's id. */
async function recordedError(url: string): Promise<number> {
  const answer = await fetch(`${url}/v1/query/events?type=error&app=${APP}&limit=1`);
  const { events } = (await answer.json()) as { events: { id: number; ts: number; session_id: string }[] };
  const [error] = events;
  if (error === undefined) throw new Error('there is no error in the store');
  const page = JSON.parse(readFileSync(RECORDING, 'utf8')) as { timestamp: number }[];
  for (let seq = 1; seq <= PARTS; seq++) {
    const ts = error.ts + (seq - PARTS + 2) * PART_MS;
    const part = page.map((event) => ({ ...event, timestamp: ts + event.timestamp }));
    const query = new URLSearchParams({ app: APP, session: error.session_id, seq: `${seq}`, ts: `${ts}` });
    const taken = await fetch(`${url}/v1/replay?${query}`, {
      method: 'POST',
      headers: { 'x-spyglass-key': KEY, 'content-type': 'application/octet-stream' },
      body: gzipSync(JSON.stringify(part)),
    });
    if (!taken.ok) throw new Error(`a part of the recording: ${taken.status}`);
  }
  return error.id;
}

/** Gzipped size of the first load as the browser counts it, KB of 1,000 bytes. */
async function firstLoad(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage();
  await page.goto(`${url}/live`, { waitUntil: 'load' });
  const sizes = await page.evaluate<[url: string, bytes: number][]>(
    `performance.getEntriesByType('resource').map(({ name, encodedBodySize }) => [name, encodedBodySize])`,
  );
  await page.close();
  const kb = (ending: string): number =>
    sizes.reduce((sum, [name, bytes]) => (name.endsWith(ending) ? sum + bytes : sum), 0) / 1_000;
  return [
    { name: 'first load: scripts', value: kb('.js'), unit: 'KB', goal: { below: SCRIPT_KB_MAX } },
    { name: 'first load: styles', value: kb('.css'), unit: 'KB', goal: { below: STYLES_KB_MAX } },
  ];
}

/** Tasks over 50 ms in the live view while many events arrive. */
async function floodLive(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
  await page.goto(`${url}/live`);
  await page.getByText('Following').waitFor();
  await page.evaluate(`{
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask' });
  }`);
  const rate = await flood(url);
  // All events have arrived once the newest one is visible.
  await page.locator('.body-row', { hasText: 'flood_ended' }).waitFor();
  const tasks = await page.evaluate<number[]>('longTasks');
  await page.close();
  const name = `long tasks in ${FLOOD_S} s of ${Math.round(rate)} events/s`;
  return [
    { name, value: tasks.length, unit: 'tasks' },
    { name: 'the longest of them', value: Math.max(0, ...tasks), unit: 'ms' },
  ];
}

/** Sends at an even pace and returns the actual rate, events/s; the last event is named `flood_ended`. */
async function flood(url: string): Promise<number> {
  const random = randomFrom(3);
  const bodies = FLOOD_S * FLOOD_BODIES_A_S;
  const shape = { users: USERS, end: Date.now(), days: 1 / 1_440, bodies };
  const send = async (serial: number) => {
    const events = bodyEvents(random, shape, serial, FLOOD_BODY_EVENTS);
    const last = events.at(-1);
    if (serial === bodies - 1 && last !== undefined)
      events[events.length - 1] = { ...last, ts: Date.now(), type: 'event', name: 'flood_ended' };
    const answer = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: bodyParts(events).join(`bench-flood-${serial}`),
    });
    if (!answer.ok) throw new Error(`a body of the flood: ${answer.status}`);
  };
  const start = performance.now();
  const sent: Promise<void>[] = [];
  for (let serial = 0; serial < bodies; serial++) {
    const early = start + (serial * 1_000) / FLOOD_BODIES_A_S - performance.now();
    if (early > 0) await sleep(early);
    sent.push(send(serial));
  }
  await Promise.all(sent);
  return (bodies * FLOOD_BODY_EVENTS * 1_000) / (performance.now() - start);
}
