/** Recordings of devices whose clock is wrong, put right or set back: picture, console, gaps and events of a moment together. */
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { open, read, says } from '../../dashboard/open.js';
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
import { apps, event, MINUTE, NOON, SECOND, store } from '../../support/http.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

const APP = 'inventory';
const [browser, collector] = await Promise.all([launchBrowser(), startCollector({ apps: apps(APP) })]);
t.teardown(async () => {
  await browser.close();
  await collector.close();
});

const view = (t: Test, session: string, query = '') =>
  open(t, browser, `${collector.url}/replay/${APP}/${session}${query}`);
/** Waits until the replay is so long. */
const lasts = (page: Page, time: string): Promise<void> =>
  page.locator('.player-time', { hasText: `/ ${time}` }).waitFor();

/** A request's `sent_at`, of a device whose clock is so far ahead. */
const clockAt = (off: number) => (off === 0 ? {} : { sent_at: Date.now() + off });
const send = (session: string, seq: number, off: number, events: readonly RecordedEvent[]) =>
  uploadEvents(collector.url, { app: APP, session, seq, ...clockAt(off) }, events);

/** A visit of 12 s, by a device whose clock is so far ahead; the id of its error. */
async function visit(session: string, off: number): Promise<number> {
  const from = NOON + off;
  await send(session, 1, off, [
    meta(from),
    picture(from + 1, saying('before it')),
    nowSaying(from + 2 * SECOND, 'during it'),
    consoleLine(from + 2 * SECOND, 'log', 'said during it'),
    nowSaying(from + 5 * SECOND, 'after it'),
  ]);
  const told = (seconds: number, more: object) =>
    event({ session_id: session, ts: from + seconds * SECOND, ...more });
  const gap = { from: from + 6 * SECOND, to: from + 9 * SECOND, reason: 'burst' };
  await store(
    collector.url,
    APP,
    [
      told(0, { name: 'began' }),
      told(9, { name: '$replay_gap', props: gap }),
      told(12, { name: 'ended' }),
      told(3, { type: 'error', name: 'boom' }),
    ],
    clockAt(off),
  );
  return (await read<{ head: number }>(collector, '/v1/query/events?limit=1')).head;
}

for (const [label, off] of [
  ['right', 0],
  ['ten minutes ahead', 10 * MINUTE],
  ['ten minutes behind', -10 * MINUTE],
] as const) {
  t.test(`what belongs together is together where the clock is ${label}`, async (t) => {
    const session = `off-${off}`;
    const id = await visit(session, off);
    const incident = await open(t, browser, `${collector.url}/incidents/${id}`);
    await says(incident, 'during it');
    await incident.locator('.console-text', { hasText: 'said during it' }).waitFor();
    const page = await view(t, session, '?pane=console');
    await lasts(page, '0:12');
    await page.locator('.console-text', { hasText: 'said during it' }).click();
    t.equal(await page.locator('.player-time b').textContent(), '0:02');
    await says(page, 'during it');
    t.match(await page.locator('.follow-when').first().textContent(), '0:02');
    const style = (await page.locator('.timeline-gap').getAttribute('style')) ?? '';
    const [left, width] = [...style.matchAll(/([\d.]+)%/g)].map(([, share]) => Math.round(Number(share)));
    t.same([left, width], [50, 25], style);
  });
}

t.test('a clock that is put right between two chunks leaves no trace', async (t) => {
  const session = 'put-right';
  const off = 10 * MINUTE;
  await send(session, 1, off, [meta(NOON + off), picture(NOON + off + 1, saying('by the wrong clock'))]);
  await send(session, 2, 0, [
    nowSaying(NOON + 3 * SECOND, 'by the right clock'),
    nowSaying(NOON + 5_500, 'the end'),
  ]);
  const page = await view(t, session, `?t=${NOON + 4 * SECOND}`);
  await says(page, 'by the right clock');
  await lasts(page, '0:05');
  await page.getByRole('slider').press('Home');
  await says(page, 'by the wrong clock');
  await page.getByRole('button', { name: 'Play' }).click();
  await says(page, 'the end');
});

t.test('a clock set back while it recorded scrambles nothing', async (t) => {
  const session = 'set-back';
  await send(session, 1, 0, [meta(NOON), picture(NOON + 1, saying('one'))]);
  await send(session, 2, 0, [
    nowSaying(NOON + 2 * SECOND, 'two'),
    nowSaying(NOON + 4 * SECOND, 'three'),
    nowSaying(NOON - 14 * SECOND, 'four'),
  ]);
  await send(session, 3, 0, [nowSaying(NOON - 10 * SECOND, 'five'), nowSaying(NOON + 1, 'six')]);
  const page = await view(t, session);
  await says(page, 'one');
  const seen = page.evaluate(`new Promise((done) => {
    const seen = [];
    const look = () => {
      const text = document.querySelector('.stage-frame').contentDocument.querySelector('iframe')?.contentDocument.body?.textContent.trim();
      if (text && text !== seen.at(-1)) seen.push(text);
      if (text === 'six') done(seen);
      else setTimeout(look);
    };
    look();
  })`);
  await page.getByRole('button', { name: 'Play' }).click();
  const order = ['one', 'two', 'three', 'four', 'five', 'six'];
  const places = ((await seen) as string[]).map((text) => order.indexOf(text));
  t.same(
    places,
    places.toSorted((a, b) => a - b),
  );
  await page.getByRole('button', { name: 'Play' }).waitFor();
  await says(page, 'six');
});
