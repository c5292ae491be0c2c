/** The live view and its table in a real browser, against a collector that the demo filled: the numbers of the API. */
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP } from '../support/collector.js';
import { open, pressEnd, read, startFilled } from './open.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

const [browser, collector] = await Promise.all([launchBrowser(), startFilled()]);
t.teardown(async () => {
  await browser.close();
  await collector.close();
});

const view = (t: Test, path: string) => open(t, browser, collector.url + path);

interface Listed {
  id: number;
  ts: number;
  name: string;
  user_id: string;
  session_id: string;
}

const newest = (filter = '') => read<{ events: Listed[] }>(collector, `/v1/query/events?limit=100${filter}`);

/** The names in the rows in sight, top down. */
const rowNames = (page: Page): Promise<string[]> => page.locator('.body-row .row-link').allTextContents();

function event(name: string, more: object = {}) {
  return { user_id: 'test-user', session_id: 's_test', type: 'event', name, ...more };
}

t.test('live shows the newest events, and what arrives', async (t) => {
  const { events } = await newest();
  const page = await view(t, '/live');
  await page.getByText('Following').waitFor();
  t.same(
    (await rowNames(page)).slice(0, 20),
    events.slice(0, 20).map(({ name }) => name),
  );
  await collector.send([
    event('just_arrived'),
    event('$click', { props: { text: 'Pay', selector: 'form > button' } }),
  ]);
  await page.locator('.body-row', { hasText: 'just_arrived' }).waitFor();
  await page.locator('.body-row', { hasText: 'Click “Pay” form > button' }).waitFor();
  const user = await view(t, `/users/${APP}/test-user?session=s_test`);
  await user.locator('.trail-item', { hasText: 'Click “Pay” form > button' }).waitFor();

  await page.getByRole('button', { name: 'Pause' }).click();
  await collector.send([event('while_paused')]);
  await page.getByRole('button', { name: '1 new event' }).waitFor();
  t.notOk((await rowNames(page)).includes('while_paused'));
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('.body-row', { hasText: 'while_paused' }).waitFor();
});

t.test('live filters by what the address says, back and forward', async (t) => {
  const { events } = await newest('&type=pageview');
  const page = await view(t, '/live');
  await page.getByText('Following').waitFor();
  await page.getByRole('button', { name: 'Pages' }).click();
  await page.waitForURL(/type=pageview/);
  await page.locator('.body-row').first().waitFor();
  t.same(
    (await rowNames(page)).slice(0, 20),
    events.slice(0, 20).map(({ name }) => name),
  );
  const { user_id } = events[0] ?? { user_id: '' };
  await page.getByLabel('User', { exact: true }).fill(user_id);
  await page.keyboard.press('Enter');
  await page.waitForURL(/user=/);
  const own = await newest(`&type=pageview&user=${user_id}`);
  await page.reload();
  await page.locator('.body-row').first().waitFor();
  t.same(
    (await rowNames(page)).slice(0, 10),
    own.events.slice(0, 10).map(({ name }) => name),
  );
  t.equal(await page.getByLabel('User', { exact: true }).inputValue(), user_id);
  await page.goBack();
  t.notMatch(page.url(), /user=/);
  t.match(page.url(), /type=pageview/);
  await page.goBack();
  t.notMatch(page.url(), /type=/);
  await page.goForward();
  await page.getByRole('button', { name: 'Pages', pressed: true }).waitFor();
});

t.test('live finds text among what it holds, and says when there is nothing', async (t) => {
  await collector.send([event('needle_in_the_haystack')]);
  const page = await view(t, '/live?text=NEEDLE_in');
  await page.locator('.body-row', { hasText: 'needle_in_the_haystack' }).waitFor();
  t.equal(await page.locator('.body-row').count(), 1);
  await page.getByLabel('Text', { exact: true }).fill('nobody has ever done this');
  await page.getByText('No matching events').waitFor();
});

t.test('live finds what the props say, names and values alike', async (t) => {
  const props = { order: { number: 'PO-77031' } };
  await collector.send([event('order_sent', { props }), event('order_seen')]);
  const page = await view(t, '/live?text=po-77031');
  await page.locator('.body-row', { hasText: 'order_sent' }).waitFor();
  t.equal(await page.locator('.body-row').count(), 1);
});

t.test('live counts the last hour as the API does, minute by minute', async (t) => {
  const now = Date.now();
  const ago = (minutes: number, more = {}) =>
    event('an_hour', { ...more, user_id: 'hourly', session_id: 's_hourly', ts: now - minutes * 60_000 });
  await collector.send([ago(2), ago(2), ago(40, { type: 'error' }), ago(90)]);
  const page = await view(t, '/live?user=hourly');
  await page.getByRole('img', { name: '3 events and 1 error within the last 60 minutes' }).waitFor();
  t.match(await page.locator('.minutes-text').textContent(), 'Last hour: 3 events, 1 error');
  const heights = await page.evaluate<number[]>(
    `[...document.querySelectorAll('.minute-all')].map((bar) => Number(bar.getAttribute('height')))`,
  );
  t.equal(heights.length, 60);
  t.same(
    heights.filter((height) => height > 0).length,
    2,
    'a bar for each minute that had any; the third event is an error of its own minute',
  );
});

t.test('older events that cannot be loaded are said to be so, once, with a way to try again', async (t) => {
  const many = Array.from({ length: 150 }, (_, index) =>
    event('paged', { user_id: 'pager', ts: 1_700_000_000_000 + index }),
  );
  await collector.send(many);
  const page = await view(t, '/users');
  // The answer comes while the list is at its end again, drawn but not yet looked at: it must not ask with what it had then.
  await page.addInitScript(`{
    const { fetch } = window;
    window.asked = 0;
    window.answerAgain = () => { window.fetch = fetch; };
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    window.fetch = async (path, init) => {
      if (!/events\\?.*cursor=/.test(path)) return fetch(path, init);
      window.asked += 1;
      const table = document.querySelector('.table');
      table.scrollTop = 0;
      await frame();
      await frame();
      await new Promise((done) => {
        table.addEventListener('scroll', done, { once: true });
        table.scrollTop = table.scrollHeight;
      });
      await frame();
      const headers = { 'content-type': 'application/problem+json' };
      return new Response('{"title":"x","status":503,"detail":"Come back later."}', { status: 503, headers });
    };
  }`);
  await page.goto(`${collector.url}/live?user=pager`);
  await pressEnd(page);
  await page.getByText('Come back later.').waitFor();
  await page.waitForTimeout(300);
  t.equal(await page.evaluate('asked'), 1, 'not over and over');
  await page.evaluate('answerAgain()');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('No older events').waitFor();
  t.equal(await page.getByRole('table').getAttribute('aria-rowcount'), '151');
});

t.test('an event is open beside the list at its own address; errors open their incident', async (t) => {
  await collector.send([event('TypeError: it broke', { type: 'error' })]);
  const { events } = await newest('&type=network');
  const old = events.at(-1) ?? { id: 0, ts: 0, name: '' };
  const page = await view(t, `/live?type=error&event=${old.ts}.${old.id}`);
  const detail = page.getByRole('complementary', { name: 'Selected event' });
  await detail.getByRole('heading', { name: old.name }).waitFor();
  t.match(await detail.textContent(), `#${old.id}`);
  await detail.getByRole('button', { name: 'Close' }).click();
  await detail.waitFor({ state: 'detached' });
  await page.goBack();
  await detail.waitFor();
  await page.keyboard.press('Escape');
  await detail.waitFor({ state: 'detached' });
  const [error] = (await newest('&type=error')).events;
  await page.locator('.body-row .row-link').first().click();
  await page.waitForURL(`${collector.url}/incidents/${error?.id}`);
});

t.test('props are shown as they were sent, what is nested once it is unfolded', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`key_${index}`, index]));
  const props = { plain: 'text', yes: true, none: null, empty: {}, few: { deep: [1, 2] }, many };
  await collector.send([event('with_props', { props })]);
  const [sent] = (await newest()).events;
  const page = await view(t, `/live?event=${sent?.ts}.${sent?.id}`);
  const detail = page.getByRole('complementary', { name: 'Selected event' });
  const field = (name: string) =>
    detail
      .locator('.prop', { has: page.locator(`dt:text-is("${name}")`) })
      .locator('dd')
      .first();
  await field('plain').waitFor();
  for (const [name, text] of [
    ['plain', 'text'],
    ['yes', 'true'],
    ['none', 'null'],
    ['empty', '{}'],
    ['few', '1 fielddeep2 items0112'],
  ] as const) {
    t.equal(await field(name).textContent(), text);
  }
  t.equal(await field('many').textContent(), '300 fields');
  await field('many').locator('summary').click();
  await detail.getByText('and 100 more').waitFor();
  t.match(await field('many').textContent(), 'key_199');
});

t.test('ten thousand rows are a few dozen elements', async (t) => {
  for (let batch = 0; batch < 20; batch++) {
    const events = Array.from({ length: 500 }, (_, index) =>
      event(`bulk_${batch}`, { ts: Date.now() - index * 10, session_id: `s_${batch}` }),
    );
    t.equal((await collector.send(events)).status, 204);
  }
  const page = await view(t, '/live?user=test-user');
  await page.locator('.body-row').first().waitFor();
  const table = page.getByRole('table', { name: 'Events, newest first' });
  const scrollToEnd = `(() => {
    const table = document.querySelector('.table');
    table.scrollTop = table.scrollHeight;
    return Number(table.getAttribute('aria-rowcount'));
  })()`;
  while ((await page.evaluate<number>(scrollToEnd)) < 10_000) await page.waitForTimeout(50);
  t.ok(Number(await table.getAttribute('aria-rowcount')) >= 10_000);
  t.ok((await page.locator('.body-row').count()) < 100);
});

t.test('no column shows twice, wide or narrow', async (t) => {
  for (const [path, wide, narrow] of [
    ['/users', 'User,Email,Sessions,First seen,Last seen', 'User,Sessions,Seen'],
    ['/replay', 'User,Recording,Errors,Events,Duration,Session,Last seen', 'User,Errors,Seen'],
  ] as const) {
    const page = await view(t, path);
    await page.locator('.body-row').first().waitFor();
    const heads = async () => (await page.locator('.table-head .cell:visible').allTextContents()).join();
    t.equal(await heads(), wide);
    await page.setViewportSize({ width: 390, height: 844 });
    t.equal(await heads(), narrow);
  }
});

t.test('a long table scrolls within its view, down to its last row', async (t) => {
  const crowd = Array.from({ length: 300 }, (_, index) =>
    event('here', { user_id: `crowd-${index}`, session_id: `c_${index}`, ts: 1_700_000_000_000 + index }),
  );
  t.equal((await collector.send(crowd)).status, 204);
  const page = await view(t, '/users?text=crowd');
  await page.locator('.body-row').first().waitFor();
  t.ok((await page.locator('.body-row').count()) < 100, 'the rows in sight are drawn');
  await pressEnd(page);
  await page.locator('.body-row', { hasText: /crowd-0\b/ }).waitFor();
  const bottom = await page.evaluate<number>(
    'document.querySelector(".table").getBoundingClientRect().bottom',
  );
  t.ok(bottom <= 900, 'within the screen');
});
