/** The live view, users and insights in a real browser, against a collector that the demo filled: the same numbers as the API's. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Download, Page, Route } from 'playwright-core';
import t, { type Test } from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, spawnCollector } from '../support/collector.js';
import { open, pressEnd, read, startFilled } from './open.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

const [browser, collector] = await Promise.all([launchBrowser(), startFilled()]);
t.teardown(async () => {
  await browser.close();
  await collector.close();
});

const view = (t: Test, path: string) => open(t, browser, collector.url + path);
const whole = (value: number): string => value.toLocaleString('en');

interface Listed {
  id: number;
  ts: number;
  name: string;
  user_id: string;
  session_id: string;
}
interface Session {
  session_id: string;
  user_id: string;
  chunk_count: number;
  error_count: number;
  event_count: number;
}
const NO_SESSION: Session = { session_id: '', user_id: '', chunk_count: 0, error_count: 0, event_count: 0 };
interface User {
  user_id: string;
  name: string;
  session_count: number;
}
interface Named {
  name: string;
  count: number;
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

t.test('users are those of the API, found while typing; a page each', async (t) => {
  const { users } = await read<{ users: User[] }>(collector, '/v1/query/users?limit=500');
  const page = await view(t, '/users');
  await page.getByText(`${users.length} users`, { exact: true }).waitFor();
  const someone = users.find(({ name }) => name !== undefined) ?? { user_id: '', name: '', session_count: 0 };
  await page.getByLabel('Find', { exact: true }).fill(someone.user_id);
  await page.getByText(`1 of ${users.length} users`).waitFor();
  const row = page.locator('.body-row');
  t.match(await row.textContent(), new RegExp(`${someone.name}.*${someone.session_count}`));
  await row.locator('.row-link').click();
  await page.getByRole('heading', { level: 1, name: someone.name }).waitFor();
  t.match(page.url(), `/users/${APP}/${someone.user_id}`);
  await page.goBack();
  await page.getByText(`1 of ${users.length} users`).waitFor();
});

t.test('a user’s page has the sessions of the API, and a session unfolds to its trail', async (t) => {
  const { users } = await read<{ users: User[] }>(collector, '/v1/query/users?limit=500');
  const { user_id, session_count } = users.find(({ name }) => name !== undefined) ?? {
    user_id: '',
    session_count: 0,
  };
  const { sessions } = await read<{ sessions: { session_id: string; event_count: number }[] }>(
    collector,
    `/v1/query/sessions?user=${user_id}`,
  );
  const page = await view(t, `/users/${APP}/${user_id}`);
  const list = page.getByRole('region', { name: 'Sessions' });
  await list.getByRole('listitem').first().waitFor();
  t.equal(sessions.length, session_count);
  t.equal(await list.getByRole('listitem').count(), session_count);
  await list.getByRole('button').first().click();
  await page.waitForURL(`**/*?session=${sessions[0]?.session_id}`);
  await page.reload();
  await page.locator('.trail-item').first().waitFor();
  t.equal(await page.locator('.trail-item').count(), sessions[0]?.event_count);
  const last = `/users/${APP}/${user_id}?session=${sessions.at(-1)?.session_id}`;
  await page.setViewportSize({ width: 1_440, height: 300 });
  await page.goto(collector.url + last);
  const open = page.getByRole('button', { expanded: true });
  await open.waitFor();
  t.ok(Number((await open.boundingBox())?.y) < 300, 'the session that the address names is in sight');
  await page.setViewportSize({ width: 1_440, height: 900 });
  const { days } = await read<{ days: { event_count: number }[] }>(
    collector,
    `/v1/query/activity?user=${user_id}`,
  );
  const drawn = await page.evaluate<number>(
    '[...document.querySelectorAll(".chart .bar")].filter((bar) => Number(bar.getAttribute("height")) > 0).length',
  );
  t.equal(drawn, days.length, 'a bar a day');
});

t.test('sessions are those of the API, with what happened in each', async (t) => {
  const { sessions } = await read<{ sessions: Session[] }>(collector, '/v1/query/sessions?limit=500');
  const at = sessions.findIndex(({ chunk_count, error_count }) => chunk_count > 0 && error_count > 0);
  const { user_id, chunk_count, error_count, event_count, session_id } = sessions[at] ?? NO_SESSION;
  const page = await view(t, `/replay?user=${user_id}&only=recorded`);
  const row = page.locator('.body-row', { hasText: session_id });
  await row.waitFor();
  const chunks = `${chunk_count} ${chunk_count === 1 ? 'chunk' : 'chunks'}`;
  t.same((await row.locator('.cell:visible').allTextContents()).slice(0, 4), [
    user_id,
    ` ${chunks}`,
    `${error_count}`,
    `${event_count}`,
  ]);
  await page.goBack();
});

t.test('insights are the numbers of the API', async (t) => {
  const aggregates = await read<{
    top_events: Named[];
    top_pages: Named[];
    dau: { day: string; count: number }[];
  }>(collector, '/v1/query/aggregates');
  const page = await view(t, '/insights?range=all');
  const rows = (name: string) => page.getByRole('table', { name }).locator('tbody tr').allTextContents();
  await page.getByRole('table', { name: 'Top events' }).waitFor();
  const texts = (named: Named[]) => named.map(({ name, count }) => `${name}${whole(count)}`);
  t.same(await rows('Top events'), texts(aggregates.top_events));
  t.same(await rows('Top pages'), texts(aggregates.top_pages));

  const csv = await saved(page, 'Daily active users as CSV');
  t.equal(
    csv,
    `\ufeffday_utc,users\r\n${aggregates.dau.map(({ day, count }) => `${day},${count}\r\n`).join('')}`,
  );
  const png = await download(page, 'Daily active users as PNG');
  t.equal(png.suggestedFilename(), 'daily-users.png');
  const bytes = readFileSync(await png.path());
  t.equal(bytes.subarray(1, 4).toString(), 'PNG');
  t.ok(bytes.length > 2_000, 'and something is drawn');

  await page.getByLabel('Time range', { exact: true }).selectOption('24h');
  await page.waitForURL(/range=24h/);
  await page.goBack();
  await page.waitForURL(/range=all/);
});

t.test('a custom range is two days, and survives a reload', async (t) => {
  const page = await view(t, '/insights');
  await page.getByLabel('Time range', { exact: true }).selectOption('custom');
  const today = new Date().toISOString().slice(0, 10);
  await page.getByLabel('First day').fill('2024-02-28');
  await page.getByLabel('Last day').fill(today);
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await page.waitForURL(`**/insights?from=${Date.UTC(2024, 1, 28)}&to=${Date.parse(today) + 86_400_000 - 1}`);
  await page.reload();
  await page.getByRole('table', { name: 'Top events' }).waitFor();
  t.match(
    await page.getByLabel('Time range', { exact: true }).locator('option:checked').textContent(),
    `2024-02-28 – ${today}`,
  );
});

t.test('a funnel is built by keyboard, and counts as the API does', async (t) => {
  const page = await view(t, '/insights?range=all');
  for (const [index, name] of ['invoice_started', 'invoice_created'].entries()) {
    const field = page.getByRole('combobox', { name: `Step ${index + 1}` });
    await field.fill(name.slice(0, -2));
    await page.getByRole('option', { name }).waitFor();
    await field.press('ArrowDown');
    await field.press('Enter');
    await page.waitForURL((url) => (url.searchParams.get('steps') ?? '').endsWith(name));
  }
  const { steps } = await read<{ steps: Named[] }>(
    collector,
    '/v1/query/funnel?steps=invoice_started,invoice_created',
  );
  const chart = page.getByRole('img', { name: /^Funnel\. / });
  await chart.waitFor();
  t.equal(
    await chart.getAttribute('aria-label'),
    `Funnel. ${steps.map(({ name, count }) => `${name}: ${whole(count)}`).join(', then ')}`,
  );
  const [first = { count: 0 }, second = { count: 0 }] = steps;
  const percent = (share: number) => (share === 1 ? '100%' : `${(share * 100).toFixed(1)}%`);
  t.match(
    await chart.textContent(),
    `${percent(second.count / first.count)} continued · ${first.count - second.count} dropped off`,
  );
  t.match(
    await page.locator('.funnel-sum').textContent(),
    `${second.count} of ${first.count} ${first.count === 1 ? 'user' : 'users'} (${percent(second.count / first.count)}) completed`,
  );
  const share = Number((second.count / first.count).toFixed(4));
  t.equal(
    await saved(page, 'Funnel as CSV'),
    `\ufeffstep,name,users,share_of_previous,share_of_first\r\n1,invoice_started,${first.count},1,1\r\n2,invoice_created,${second.count},${share},${share}\r\n`,
  );
  t.equal((await download(page, 'Funnel as PNG')).suggestedFilename(), 'funnel.png');
  await page.getByRole('button', { name: 'Move step 2 up' }).click();
  await page.waitForURL(/steps=invoice_created%2Cinvoice_started/);
  await page.getByRole('button', { name: 'Remove step 1' }).click();
  await page.getByText('One more step').waitFor();
  await page.goBack();
  await page.goBack();
  await chart.waitFor();
});

t.test('a saved table is no formula, whatever the names are', async (t) => {
  const names = ['=HYPERLINK("http://evil.example","x")', '+1+1', '-2', '@SUM(A1)', '\t=1', 'a,"b"\n=2'];
  await collector.send(
    names.flatMap((name) => Array.from({ length: 40 }, () => event(name, { type: 'pageview' }))),
  );
  const page = await view(t, '/insights?range=all&top=50');
  await page.getByRole('table', { name: 'Top pages' }).waitFor();
  const csv = await saved(page, 'Top pages as CSV');
  t.match(csv, `"'=HYPERLINK(""http://evil.example"",""x"")",40`);
  for (const cell of ["'+1+1,40", "'-2,40", "'@SUM(A1),40", '"\'\t=1",40', '"a,""b""\n=2",40'])
    t.match(csv, cell);
});

t.test('a read that fails is said in words, where it happened, with a way to try again', async (t) => {
  const page = await view(t, '/users');
  const problem = {
    type: 'x',
    title: 'The query took too long',
    status: 503,
    detail: 'Try a shorter range.',
  };
  await page.route('**/v1/query/aggregates*', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(problem) }),
  );
  await page.getByRole('link', { name: 'Insights' }).click();
  await page.getByText('Try a shorter range.').first().waitFor();
  t.equal(await page.getByRole('alert').count(), 4, 'one a panel; the funnel is none of them');
  await page.unroute('**/v1/query/aggregates*');
  await page.getByRole('button', { name: 'Try again' }).first().click();
  await page.getByRole('table', { name: 'Top events' }).waitFor();
  t.equal(await page.getByRole('alert').count(), 0);
});

t.test('an event that cannot be looked up says so beside the list, and is there once it can', async (t) => {
  const [event = { ts: 0, id: 0, name: '' }] = (await newest('&type=pageview')).events.slice(-1);
  const page = await view(t, '/users');
  const lookup = `**/v1/events/${event.id}`;
  await page.route(lookup, (route) => route.fulfill({ status: 500, body: 'no' }));
  await page.goto(`${collector.url}/live?user=nobody&event=${event.ts}.${event.id}`);
  const detail = page.getByRole('complementary', { name: 'Selected event' });
  await detail.getByText('The collector answered with status 500.').waitFor();
  await page.unroute(lookup);
  await detail.getByRole('button', { name: 'Try again' }).click();
  await detail.getByRole('heading', { name: event.name }).waitFor();
});

t.test('no view asks for anything that only a second answer told it of', async (t) => {
  const [error] = (await newest('&type=error')).events;
  for (const path of ['/live', '/users', '/errors', '/replay', '/insights', `/incidents/${error?.id}`]) {
    const context = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
    const page = await context.newPage();
    // What the page asks for at one time waits until it asks for no more; then all of it is answered together.
    const waiting: Route[] = [];
    await page.route(/^http/, (route) =>
      route.request().isNavigationRequest() ? route.continue() : void waiting.push(route),
    );
    await page.goto(collector.url + path, { waitUntil: 'commit' });
    const drawn = page.locator('.body-row, .top-table, .incident-what').first();
    const rounds: string[][] = [];
    for (let quiet = 0; !(await drawn.isVisible()); quiet++) {
      const before = waiting.length;
      await sleep(100);
      if (waiting.length !== before) quiet = 0;
      if (quiet < 3 || before === 0) continue;
      rounds.push(waiting.map((route) => new URL(route.request().url()).pathname));
      await Promise.all(waiting.splice(0).map((route) => route.continue()));
      quiet = 0;
    }
    t.equal(rounds.length, 2, `what the page names, then what that asks for: ${JSON.stringify(rounds)}`);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
  }
});

t.test('an answer that is not the collector’s is said in words too', async (t) => {
  const page = await view(t, '/users');
  const answers = [
    { status: 200, contentType: 'text/html', body: '<h1>Sign in</h1>' },
    { status: 502, contentType: 'application/json', body: '{}' },
  ];
  await page.route('**/v1/query/sessions*', (route) => route.fulfill(answers[0] ?? {}));
  await page.getByRole('link', { name: 'Replay' }).click();
  await page.getByText('What answered is not the collector').waitFor();
  answers.shift();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('The collector answered with status 502.').waitFor();
});

t.test('an address of nothing says so', async (t) => {
  const page = await view(t, '/no/such/place');
  await page.getByText('There is nothing at this address').waitFor();
  await page.getByRole('link', { name: 'Go to the live view' }).click();
  await page.getByText('Following').waitFor();
});

t.test('a lost connection is said, and taken up again without a hand', async (t) => {
  const page = await view(t, '/live?session=s_break');
  await page.getByText('Following').waitFor();
  await collector.kill();
  await page.getByText('Reconnecting').waitFor();
  await page.getByText("Can't reach the collector. Trying again").waitFor();
  await page.getByRole('link', { name: 'Insights' }).click();
  await page.getByText("Can't reach the collector. Trying again").waitFor();
  await page.goBack();
  await collector.restart();
  await page.getByText('Following').waitFor();
  await page.getByText('Trying again').waitFor({ state: 'detached' });
  await collector.send([event('after_the_break', { session_id: 's_break' })]);
  await page.locator('.body-row', { hasText: 'after_the_break' }).waitFor();
});

t.test(
  'the first start shows what to paste, and becomes the live view with the first event; behind a password',
  async (t) => {
    const password = 'open sesame';
    const key = `k'"<&`;
    const empty = await spawnCollector({
      apps: { shop: { key, origins: [] }, back: { key: 'sg_live_back', origins: [] } },
      auth: { dashboard_password: password },
    });
    t.teardown(() => empty.close());
    const page = await open(t, browser, empty.url, { httpCredentials: { username: 'anyone', password } });
    await page.getByText('Waiting for the first event').waitFor();
    const code = await page.locator('pre').textContent();
    for (const part of [`${empty.url}/sdk/spyglass.js`, 'data-app="shop"', `data-key="k'&quot;&lt;&amp;"`])
      t.match(code, part);
    await page.getByRole('button', { name: 'npm' }).click();
    for (const part of [`endpoint: '${empty.url}'`, `key: "k'\\"<&"`])
      t.match(await page.locator('pre').textContent(), part);
    await page.getByRole('button', { name: 'Try with curl' }).click();
    const [, body = ''] = /--data '(.*)'$/.exec((await page.locator('pre').textContent()) ?? '') ?? [];
    const sent = await fetch(`${empty.url}/v1/events`, {
      method: 'POST',
      body: body.replaceAll(`'\\''`, "'"),
    });
    t.equal(sent.status, 204, 'it is what the collector takes');
    await page.locator('.body-row', { hasText: 'hello' }).waitFor();

    const other = { app: 'back', key: 'sg_live_back', events: [event('behind_the_counter')] };
    await fetch(`${empty.url}/v1/events`, { method: 'POST', body: JSON.stringify(other) });
    await page.locator('.body-row', { hasText: 'behind_the_counter' }).waitFor();
    await page.getByLabel('App', { exact: true }).selectOption('shop');
    await page.waitForURL(/app=shop/);
    await page.locator('.body-row', { hasText: 'behind_the_counter' }).waitFor({ state: 'detached' });
    await page.locator('.body-row', { hasText: 'hello' }).waitFor();
    await page.getByRole('link', { name: 'Users' }).click();
    await page.getByText('1 user', { exact: true }).waitFor();
    t.match(page.url(), /\/users\?app=shop$/, 'the app goes along');
    await page.goBack();
    await page.goBack();
    await page.locator('.body-row', { hasText: 'behind_the_counter' }).waitFor();
  },
);

t.test('who may only look is told where the key is, not what it is', async (t) => {
  const auth = { dashboard_password: 'the operator', viewer_password: 'a viewer' };
  const other = await spawnCollector({ auth });
  t.teardown(() => other.close());
  const httpCredentials = { username: 'v', password: 'a viewer' };
  const page = await open(t, browser, other.url, { httpCredentials });
  await page.locator('pre').waitFor();
  t.match(await page.locator('pre').textContent(), 'data-key="the key of this app"');
  await page.getByText('Only the operator').waitFor();
});

async function download(page: Page, button: string): Promise<Download> {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ]);
  return file;
}

async function saved(page: Page, button: string): Promise<string> {
  return readFileSync(await (await download(page, button)).path(), 'utf8');
}
