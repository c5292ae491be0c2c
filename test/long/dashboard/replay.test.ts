/** The player in a real browser: a page recorded by rrweb, and recordings put together for what must hold at their seams. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { open, read, recorded, says } from '../../dashboard/open.js';
import {
  consoleLine,
  meta,
  nowSaying,
  picture,
  type RecordedEvent,
  saying,
  uploadEvents,
} from '../../dashboard/recordings.js';
import { launchBrowser } from '../../support/browser.js';
import { startCollector } from '../../support/collector.js';
import { apps, event, NOON, SECOND, store, withResolvers } from '../../support/http.js';
import type { IncidentAnswer } from '../../support/rows.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

const APP = 'inventory';
const [browser, collector] = await Promise.all([launchBrowser(), startCollector({ apps: apps(APP) })]);
t.teardown(async () => {
  await browser.close();
  await collector.close();
});

const FIXTURE = join(process.cwd(), 'test/dashboard/fixtures/order-form.json');
/** A form being filled in, as rrweb recorded it in a browser, from a moment on. */
const orderForm = (from: number): RecordedEvent[] =>
  (JSON.parse(readFileSync(FIXTURE, 'utf8')) as RecordedEvent[]).map((event) => ({
    ...event,
    timestamp: from + event.timestamp,
  }));

const replay = (session: string, query = ''): string => `${collector.url}/replay/${APP}/${session}${query}`;
const view = (t: Test, session: string, query = '') => open(t, browser, replay(session, query));

const clock = async (page: Page): Promise<string> =>
  (await page.locator('.player-time b').textContent()) ?? '';
const trail = (page: Page, text: string) => page.locator('.follow-row', { hasText: text });

/** Events of a session, a second apart from `NOON` on. */
const told = (session_id: string, ...names: string[]) =>
  names.map((name, index) => event({ session_id, name, ts: NOON + index * SECOND }));

t.test('a page that rrweb recorded shows as it was, at the moment the address names', async (t) => {
  const session = 'recorded';
  await store(collector.url, APP, told(session, 'opened', 'typed', 'added', 'sent'));
  await uploadEvents(collector.url, { app: APP, session, seq: 1 }, orderForm(NOON));
  const page = await view(t, session, `?t=${NOON + 4_800}`);
  await says(page, 'Gear pump from Kestrel Pumps');
  await says(page, 'The order could not be sent.');
  t.equal(await clock(page), '0:04');
  t.equal(await page.locator('.timeline .mark').count(), 4, 'a mark an event');
  await trail(page, 'opened').click();
  await page.waitForURL(new RegExp(`t=${NOON}\\b`));
  t.equal(await clock(page), '0:00');
  const text = await recorded(page).locator('body').textContent();
  t.match(text, 'New order');
  t.notMatch(text, 'Gear pump from', 'before the line was added');
});

t.test('it plays to its end, and the lists follow', async (t) => {
  const page = await view(t, 'recorded');
  await says(page, 'New order');
  await page.getByRole('button', { name: 'Play' }).click();
  await says(page, 'The order could not be sent.');
  await page.getByRole('button', { name: 'Play' }).waitFor();
  t.match(await page.locator('.follow-item.now').textContent(), 'sent');
  // From its end it plays anew.
  await page.getByRole('button', { name: 'Play' }).click();
  await recorded(page).locator('body', { hasNotText: 'could not be sent' }).waitFor({ state: 'attached' });
  await says(page, 'The order could not be sent.');
  await page.waitForURL(/t=\d+/);
});

/** Three parts of a recording, of which only the first has a picture of the whole page. */
async function threeParts(session: string): Promise<void> {
  await store(collector.url, APP, told(session, 'one', 'two'));
  await uploadEvents(collector.url, { app: APP, session, seq: 1 }, [
    meta(NOON),
    picture(NOON + 1, saying('part one')),
    consoleLine(NOON + 100, 'log', 'from part one', { a: 1 }),
  ]);
  await uploadEvents(collector.url, { app: APP, session, seq: 2 }, [
    nowSaying(NOON + 10 * SECOND, 'part two'),
    consoleLine(NOON + 10 * SECOND + 1, 'error', 'from part two'),
  ]);
  await uploadEvents(collector.url, { app: APP, session, seq: 3 }, [
    nowSaying(NOON + 300 * SECOND, 'part three'),
    nowSaying(NOON + 302 * SECOND, 'the end'),
  ]);
}

t.test('a moment in a late part is drawn from the last picture before it', async (t) => {
  await threeParts('late');
  const page = await view(t, 'late', `?t=${NOON + 301 * SECOND}&pane=console`);
  await says(page, 'part three');
  t.equal(await clock(page), '5:01');
  t.same(await page.locator('.console-text').allTextContents(), ['from part one {"a":1}', 'from part two']);
  await page.keyboard.press('ArrowRight');
  await says(page, 'the end');
  await page.locator('.follow-row', { hasText: 'from part two' }).click();
  await says(page, 'part two');
  t.match(page.url(), /pane=console/);
});

t.test('the console says which parts it lacks, and fetches them when asked to', async (t) => {
  const session = 'console';
  await threeParts(session);
  await uploadEvents(collector.url, { app: APP, session, seq: 4 }, [
    nowSaying(NOON + 600 * SECOND, 'part four'),
    consoleLine(NOON + 600 * SECOND + 1, 'warn', 'from part four'),
  ]);
  const page = await view(t, session, '?pane=console');
  await says(page, 'part one');
  await page.getByText('Without the lines of 2 chunks of the recording').waitFor();
  await page.route(/\/replay\/4/, (route) => route.fulfill({ status: 500, body: 'x' }), { times: 1 });
  await page.getByRole('button', { name: 'Fetch' }).click();
  await page.getByText('1 chunk of the recording: The collector answered with status 500.').waitFor();
  t.notMatch(await page.locator('.replay-side').textContent(), 'from part four');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.console-text', { hasText: 'from part four' }).waitFor();
  t.equal(await page.locator('.pane-note').count(), 0, 'nothing lacks any more');
  await says(page, 'part one');
});

t.test('an incident has every console line of its time, also of before the last picture', async (t) => {
  const session = 'pictures';
  const ts = NOON + 100 * SECOND;
  await store(collector.url, APP, [event({ session_id: session, ts, type: 'error', name: 'boom' })]);
  for (const [seq, seconds] of [20, 60, 95].entries()) {
    const at = NOON + seconds * SECOND;
    await uploadEvents(collector.url, { app: APP, session, seq: seq + 1 }, [
      meta(at),
      picture(at + 1, saying(`at ${seconds}`)),
      consoleLine(at + 2, 'log', `line at ${seconds}`),
    ]);
  }
  const { head } = await read<{ head: number }>(collector, '/v1/query/events?limit=1');
  const page = await open(t, browser, `${collector.url}/incidents/${head}`);
  await page.locator('.console-text', { hasText: 'line at 60' }).waitFor();
  t.same(await page.locator('.console-text').allTextContents(), ['line at 60', 'line at 95']);
});

t.test('a link to this moment is what the button copies, and shows it', async (t) => {
  const page = await open(t, browser, replay('recorded', `?t=${NOON + 4_800}`), {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  await says(page, 'The order could not be sent.');
  await page.getByRole('button', { name: 'Copy link to this moment' }).click();
  await page.getByText('Copied').waitFor();
  const link = await page.evaluate<string>('navigator.clipboard.readText()');
  t.equal(link, replay('recorded', `?t=${NOON + 4_800}`));
});

t.test('a replay that lost its collector comes by itself once there is one', async (t) => {
  const page = await view(t, 'nobody-knows');
  await page.getByText('There is no such session').waitFor();
  const framed = page.waitForEvent('requestfinished', (request) => /frame\.html$/.test(request.url()));
  await page.route(/\/(v1|healthz)/, async (route) => {
    await framed;
    await sleep(200);
    await route.abort();
  });
  await page.goto(replay('late', `?t=${NOON}`));
  await page.getByText("Can't reach the collector.", { exact: true }).waitFor();
  // The frame of the first try is gone, and the recording is known before there is another one.
  const manifest = page.waitForResponse(/sessions\/late\/replay\?/);
  await page.unroute(/\/(v1|healthz)/);
  await page.route(/query\/events/, async (route) => {
    await manifest;
    await route.continue();
  });
  await says(page, 'part one');
  await trail(page, 'two').waitFor();
  // A part alone, too.
  const elsewhere = await view(t, 'nobody-knows');
  await elsewhere.route(/replay\/1|healthz/, (route) => route.abort());
  await elsewhere.goto(replay('late', `?t=${NOON}`));
  await elsewhere.locator('.failure').getByText("Can't reach the collector.").waitFor();
  await elsewhere.unroute(/replay\/1|healthz/);
  await says(elsewhere, 'part one');
});

t.test('an incident whose own parts have no picture finds the earlier ones', async (t) => {
  const session = 'long-page';
  await threeParts(session);
  const ts = NOON + 301 * SECOND;
  await store(collector.url, APP, [event({ session_id: session, ts, type: 'error', name: 'boom' })]);
  const { head } = await read<{ head: number }>(collector, '/v1/query/events?limit=1');
  const { replay_cue } = await read<IncidentAnswer>(collector, `/v1/incidents/${head}`);
  t.same(
    replay_cue?.chunks.map(({ seq }) => seq),
    [2, 3],
  );
  const page = await open(t, browser, `${collector.url}/incidents/${head}`);
  await says(page, 'part three');
  t.match(await page.locator('.player-time').textContent(), '1:00');
});

t.test('what the first picture takes is asked for at once', async (t) => {
  const context = await browser.newContext();
  t.teardown(() => context.close());
  const page = await context.newPage();
  await page.route('**/assets/frame.html', () => {});
  const chunk = page.waitForRequest(/\/replay\/1/);
  const stage = page.waitForRequest(/\/assets\/stage-/);
  await page.goto(replay('recorded'), { waitUntil: 'commit' });
  await Promise.all([chunk, stage]);
});

t.test('it plays once the first part is there, and fetches no part before it is needed', async (t) => {
  await threeParts('eager');
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
  t.teardown(() => context.close());
  const page = await context.newPage();
  // Each part waits until the one before has been seen: it would show no longer than it takes to fetch the next.
  const held = new Map([
    ['2', withResolvers<void>()],
    ['3', withResolvers<void>()],
  ]);
  const asked: string[] = [];
  await page.route(/\/replay\/\d+/, async (route) => {
    const [, seq = ''] = /\/replay\/(\d+)/.exec(route.request().url()) ?? [];
    asked.push(seq);
    await held.get(seq)?.promise;
    await route.continue();
  });
  await page.goto(replay('eager'));
  await says(page, 'part one');
  await page.getByRole('button', { name: 'Play' }).click();
  await page.getByText('Loading …').waitFor();
  t.same(asked, ['1', '2'], 'the third begins minutes later');
  held.get('2')?.resolve();
  await says(page, 'part two');
  held.get('3')?.resolve();
  await says(page, 'the end');
  t.same(asked, ['1', '2', '3'], 'each once');
});

t.test('what was not recorded is shown, and can be jumped over', async (t) => {
  const session = 'gaps';
  await store(collector.url, APP, [
    ...told(session, 'start'),
    event({
      ...{ session_id: session, ts: NOON + 20 * SECOND, name: '$replay_gap' },
      props: { from: NOON + 5 * SECOND, to: NOON + 20 * SECOND, reason: 'uplink' },
    }),
  ]);
  await uploadEvents(collector.url, { app: APP, session, seq: 1 }, [
    meta(NOON),
    picture(NOON + 1, saying('before')),
  ]);
  await uploadEvents(collector.url, { app: APP, session, seq: 2 }, [
    meta(NOON + 20 * SECOND),
    picture(NOON + 20 * SECOND, saying('after')),
  ]);
  await uploadEvents(collector.url, { app: APP, session, seq: 5 }, [
    meta(NOON + 60 * SECOND),
    picture(NOON + 60 * SECOND, saying('much later')),
  ]);
  const page = await view(t, session, `?t=${NOON + 10 * SECOND}`);
  await page.getByText('Not recorded for 15 s').waitFor();
  await page.getByText('the connection was too slow').waitFor();
  await page.getByRole('button', { name: /^Go to / }).click();
  await says(page, 'after');
  t.equal(await page.locator('.timeline-gap').count(), 2, 'the lost parts too');
  t.match(await page.locator('.timeline-gap').last().getAttribute('title'), '2 chunks did not arrive');
});

t.test('the keyboard plays, seeks and skips', async (t) => {
  const page = await view(t, 'late', `?t=${NOON}`);
  await says(page, 'part one');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await says(page, 'part two');
  t.equal(await clock(page), '0:10');
  await page.keyboard.press('ArrowLeft');
  await says(page, 'part one');
  // A button that was pressed keeps the focus, and the arrows go on seeking.
  await trail(page, 'two').click();
  t.equal(await clock(page), '0:01');
  await page.keyboard.press('ArrowRight');
  t.equal(await clock(page), '0:06');
  await page.keyboard.press('ArrowLeft');
  await trail(page, 'two').blur();
  await page.keyboard.press('>');
  t.equal(await page.getByLabel('Speed').inputValue(), '2');
  await page.keyboard.press('s');
  t.notOk(await page.getByLabel('Skip idle').isChecked());
  await page.keyboard.press(' ');
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.keyboard.press(' ');
  await page.getByRole('button', { name: 'Play' }).waitFor();
  const slider = page.getByRole('slider');
  await slider.focus();
  await page.keyboard.press('End');
  await says(page, 'part three');
  // Where the last part ends is known once it is fetched.
  await page.keyboard.press('End');
  await says(page, 'the end');
  t.match(await slider.getAttribute('aria-valuetext'), /^5:02 of 5:02/);
  await page.keyboard.press('Home');
  await says(page, 'part one');
});

t.test('a part that cannot be fetched says so, and comes when asked again', async (t) => {
  const context = await browser.newContext();
  t.teardown(() => context.close());
  const page = await context.newPage();
  let failing = true;
  await page.route(/\/replay\/1/, (route) =>
    failing ? route.fulfill({ status: 500, body: 'x' }) : route.continue(),
  );
  await page.goto(replay('late', `?t=${NOON + 200}`));
  await page.getByText('The collector answered with status 500.').waitFor();
  failing = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await says(page, 'part one');
});

t.test('a session without a recording shows what happened in it', async (t) => {
  await store(collector.url, APP, told('unrecorded', 'clicked around'));
  const page = await view(t, 'unrecorded');
  await page.getByText('This session was not recorded').waitFor();
  await trail(page, 'clicked around').waitFor();
  const none = await view(t, 'nobody-knows');
  await none.getByText('There is no such session').waitFor();
});

t.test('the list tells which sessions have a recording, and leads there', async (t) => {
  const page = await open(t, browser, `${collector.url}/replay`);
  await page.locator('.body-row').first().waitFor();
  const all = await page.locator('.body-row').count();
  await page.getByRole('button', { name: 'Recorded', exact: true }).click();
  await page.waitForURL(/only=recorded/);
  const recorded = await page.locator('.body-row').count();
  t.equal(all - recorded, 1, 'all but the unrecorded one');
  await page.goBack();
  t.equal(await page.locator('.body-row').count(), all);
  await page.goForward();
  await page.locator('.row-link').last().click();
  await page.waitForURL(/\/replay\/inventory\/./);
});
