/** Users, sessions, insights and failures in a real browser, on a collector that the demo filled: the API’s numbers. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Download, Page, Route } from 'playwright-core';
import t, { type Test } from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, spawnCollector } from '../support/collector.js';
import { open, read, startFilled } from './open.js';

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

function event(name: string, more: object = {}) {
  return { user_id: 'test-user', session_id: 's_test', type: 'event', name, ...more };
}

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
