/** Errors, their groups and incidents in a real browser, against a collector that the demo filled: the API's numbers, on one screen. */
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { open, pressEnd, read, startFilled } from '../../dashboard/open.js';
import { launchBrowser } from '../../support/browser.js';
import type { ErrorGroupRow, ErrorGroupsAnswer, EventsAnswer, IncidentAnswer } from '../../support/rows.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(600_000);

const [browser, collector] = await Promise.all([launchBrowser(), startFilled(10)]);
t.teardown(async () => {
  await browser.close();
  await collector.close();
});

const view = (t: Test, path: string) => open(t, browser, collector.url + path);
const groupsOf = async (query = ''): Promise<ErrorGroupRow[]> =>
  (await read<ErrorGroupsAnswer>(collector, `/v1/query/errors?limit=500${query}`)).groups;
const incidentOf = (id: number) => read<IncidentAnswer>(collector, `/v1/incidents/${id}`);

/** Error rows as the table shows them: message, times and users. */
const rows = (page: Page): Promise<[string, string, string][]> =>
  page.locator('.errors-groups .body-row').evaluateAll((rows) =>
    rows.map((row): [string, string, string] => {
      const { childNodes } = row as unknown as { childNodes: { textContent: string | null }[] };
      const [name, , times, users] = [...childNodes].map(({ textContent }) => textContent ?? '');
      return [name ?? '', times ?? '', users ?? ''];
    }),
  );

t.test('errors are the groups of the API, in the order asked for', async (t) => {
  const groups = await groupsOf();
  t.ok(groups.length > 2, 'the demo has errors');
  const page = await view(t, '/errors?range=all');
  await page.locator('.errors-groups .body-row').first().waitFor();
  const shown = await rows(page);
  t.same(
    shown.map(([, times, users]) => [Number(times), Number(users)]),
    groups.map(({ count, user_count }) => [count, user_count]),
  );
  const seen = await page
    .locator('.errors-groups .body-row time')
    .evaluateAll((times) => times.map((time) => (time as unknown as { dateTime: string }).dateTime));
  t.same(
    seen,
    groups.flatMap(({ first_seen, last_seen }) =>
      [first_seen, last_seen].map((ts) => new Date(ts).toISOString()),
    ),
    'first and last seen',
  );
  const bars = await page.locator('.errors-groups .sparkline').evaluateAll((pictures) =>
    pictures.map((picture) => {
      const { querySelectorAll } = picture as unknown as {
        querySelectorAll(query: string): { length: number };
      };
      return querySelectorAll.call(picture, '.bar').length;
    }),
  );
  t.same(
    bars,
    groups.map(({ by_day }) => by_day.length),
    'a bar for each day it happened on',
  );
  for (const [index, { name, frame = '' }] of groups.entries()) t.equal(shown[index]?.[0], name + frame);
  await page.getByRole('button', { name: 'Latest' }).click();
  await page.waitForURL(/order=latest/);
  const [latest] = groups.toSorted((a, b) => b.last_seen - a.last_seen);
  t.equal((await rows(page))[0]?.[0], `${latest?.name}${latest?.frame}`);
  await page.getByLabel('Find').fill(groups[1]?.name ?? '');
  await page.waitForURL(/text=/);
  t.ok((await rows(page)).every(([text]) => text.includes(groups[1]?.name ?? '')));
  await page.reload();
  await page.locator('.errors-groups .body-row').first().waitFor();
  t.ok(
    (await rows(page)).every(([text]) => text.includes(groups[1]?.name ?? '')),
    'the address restores it',
  );
});

t.test('reports stand beside the errors, with comment and severity', async (t) => {
  const props = { comment: 'The list jumps to its top.\nEvery time.', severity: 'medium' };
  const report = { user_id: 'u', session_id: 's', type: 'bug_report', name: 'The list jumps', props };
  await collector.send([report]);
  const { events } = await read<EventsAnswer>(collector, '/v1/query/events?type=bug_report&limit=100');
  const page = await view(t, '/errors?range=all');
  await page.locator('.report').first().waitFor();
  t.equal(await page.locator('.report .tag').first().textContent(), 'medium');
  const shown = await page.locator('.report-comment').allTextContents();
  t.same(
    shown,
    events.map(({ props }) => (props as { comment: string }).comment),
  );
});

t.test('a group opens to its occurrences and their stacks, and back', async (t) => {
  const [group] = await groupsOf();
  const { events } = await read<EventsAnswer>(collector, `/v1/query/occurrences?group=${group?.group}`);
  const page = await view(t, '/errors?range=all');
  await page.locator('.errors-groups .row-link').first().click();
  await page.waitForURL(/\/errors\/[^?]+\?range=all/);
  await page.locator('.occurrences .body-row').first().waitFor();
  t.match(await page.locator('h1').textContent(), group?.name);
  const facts = await page.locator('.group-facts dd').allTextContents();
  t.same(facts.slice(0, 2), [`${group?.count}`, `${group?.user_count}`]);
  t.equal(await page.locator('.occurrences .table').getAttribute('aria-rowcount'), `${events.length + 1}`);
  t.ok((await page.locator('.frame').count()) > 1, 'the stack of the newest');
  await page.locator('.occurrences .row-link').nth(1).click();
  await page.waitForURL(new RegExp(`event=${events[1]?.id}`));
  t.equal(await page.locator('.body-row.selected').count(), 1);
  await page.goBack();
  await page.goBack();
  await page.waitForURL(/\/errors\?range=all$/);
  await page.locator('.errors-groups .body-row').first().waitFor();
});

t.test('an address names any occurrence, however far down the list', async (t) => {
  // Each a millisecond before the one above it.
  const now = Date.now();
  const thrown = Array.from({ length: 130 }, (_, index) => ({
    ...{
      user_id: `u${index}`,
      session_id: 's_many',
      type: 'error',
      name: 'Error: many',
      ts: now - index,
    },
    props: { stack: `Error: many\n    at many (many.js:1:1)\n    at caller${index} (many.js:2:1)` },
  }));
  await collector.send(thrown);
  const group = (await groupsOf()).find(({ name }) => name === 'Error: many')?.group ?? '';
  const { events } = await read<EventsAnswer>(collector, `/v1/query/occurrences?group=${group}&limit=500`);
  const page = await view(t, `/errors/${group}?event=${events.at(-1)?.id}`);
  await page.locator('.occurrence').getByText('caller129').waitFor();
  await pressEnd(page);
  await page.getByText('130 occurrences, no more').waitFor();
  await page.keyboard.press('End');
  await page.locator('.body-row.selected').waitFor();
  t.match(await page.locator('.body-row.selected').textContent(), 'u129');
});

t.test('occurrences that cannot be loaded say so once, with a way to try again', async (t) => {
  const group = (await groupsOf()).find(({ name }) => name === 'Error: many')?.group ?? '';
  const page = await view(t, '/users');
  let asked = 0;
  await page.route(/occurrences.*cursor=/, (route) => {
    asked += 1;
    return route.fulfill({
      status: 503,
      contentType: 'application/problem+json',
      json: { title: 'x', detail: 'Come back later.', status: 503 },
    });
  });
  await page.goto(`${collector.url}/errors/${group}`);
  await pressEnd(page);
  await page.getByText('Come back later.').waitFor();
  await page.waitForTimeout(200);
  t.equal(asked, 1, 'not over and over');
  await page.unrouteAll();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('130 occurrences, no more').waitFor();
});

t.test('a report and the error it is about lead to each other', async (t) => {
  const ts = Date.now() - 60_000;
  const common = { user_id: 'u', session_id: 's_related' };
  const props = { comment: 'It went blank.', severity: 'high' };
  await collector.send([
    { ...common, ts, type: 'error', name: 'TypeError: blank' },
    { ...common, ts: ts + 4_000, type: 'bug_report', name: 'It went blank.', props },
    { ...common, ts: ts + 8_000, type: 'error', name: 'TypeError: later' },
  ]);
  const { head } = await read<EventsAnswer>(collector, '/v1/query/events?limit=1');
  const page = await view(t, `/incidents/${head - 1}`);
  const related = page.getByRole('list', { name: 'Belongs with it' });
  t.match(await page.locator('.incident-what .comment').textContent(), 'It went blank.');
  t.match(await page.locator('.incident-what .tag').textContent(), 'high');
  t.match(await related.textContent(), /−4\.0 s.*TypeError: blank$/, 'and not what came later');
  await related.getByRole('link').click();
  await page.waitForURL(`**/incidents/${head - 2}`);
  t.match(await related.textContent(), /\+4\.0 s.*It went blank\./);
});

/** The newest occurrence that was recorded. */
async function recordedIncident(): Promise<IncidentAnswer> {
  for (const group of await groupsOf()) {
    const { events } = await read<EventsAnswer>(collector, `/v1/query/occurrences?group=${group.group}`);
    for (const { id } of events) {
      const incident = await incidentOf(id);
      if (incident.replay_cue && incident.previous_id !== undefined) return incident;
    }
  }
  throw new Error('the demo recorded no error');
}

t.test('an incident tells what happened on one screen', async (t) => {
  const incident = await recordedIncident();
  const { event, breadcrumbs } = incident;
  const page = await view(t, `/incidents/${event.id}`);
  const recorded = page.frameLocator('.stage-frame').frameLocator('iframe').locator('body');
  await recorded.getByText('Something went wrong').first().waitFor({ state: 'attached' });
  t.equal(await page.locator('h1').textContent(), event.name);
  const count = (list: string) => page.locator(`${list} .follow-row`).count();
  t.equal(await count('.incident-trail'), breadcrumbs.length);
  t.equal(await count('.incident-network'), breadcrumbs.filter(({ type }) => type === 'network').length);
  t.ok((await count('.incident-console')) > 0, 'the console of the recording');
  t.match(await page.locator('.incident-trail .now').textContent(), event.name, 'cued to the moment');
  t.match(await page.locator('.player-time').textContent(), '1:00');
  t.ok((await page.locator('.incident-what .frame').count()) > 0, 'the stack');
  const boxes = await page.locator('.incident-body > section, .incident-head').evaluateAll((parts) =>
    parts.map((part) => {
      const { top, bottom, left, right } = (part as unknown as Measured).getBoundingClientRect();
      return { top, bottom, left, right };
    }),
  );
  t.equal(boxes.length, 6);
  for (const { top, bottom, left, right } of boxes)
    t.ok(
      top >= 0 && left >= 0 && right <= 1_440 && bottom <= 900 && bottom - top > 30,
      `${top} to ${bottom}`,
    );
  t.ok(
    await page.evaluate(
      '[...document.querySelectorAll("main, .page")].every((part) => part.scrollHeight <= part.clientHeight)',
    ),
    'without scrolling',
  );
});

interface Measured {
  getBoundingClientRect(): { top: number; bottom: number; left: number; right: number };
}

t.test('all of it follows one time line, and the address keeps the moment', async (t) => {
  const { event, breadcrumbs } = await recordedIncident();
  const page = await view(t, `/incidents/${event.id}`);
  const first = breadcrumbs.find(({ ts }) => ts < event.ts - 3_000) ?? event;
  await page.locator('.incident-trail .follow-row').nth(breadcrumbs.indexOf(first)).click();
  await page.waitForURL(new RegExp(`t=${first.ts}`));
  t.match(page.url(), `event=${first.id}`);
  t.match(await page.locator('.incident-trail .now').textContent(), first.name);
  await page.reload();
  await page.locator('.follow-more').waitFor();
  t.match(await page.locator('.incident-trail .now').textContent(), first.name);
});

t.test('the occurrences before and after are a step away', async (t) => {
  const { event, previous_id } = await recordedIncident();
  const page = await view(t, `/incidents/${event.id}`);
  await page.getByRole('link', { name: 'Previous occurrence' }).click();
  await page.waitForURL(new RegExp(`/incidents/${previous_id}`));
  await page.getByRole('link', { name: 'Next occurrence' }).waitFor();
  await page.locator('h1').waitFor();
  await page.keyboard.press('n');
  await page.waitForURL(new RegExp(`/incidents/${event.id}`));
});

t.test('an incident that is none says so, and one that cannot be read can be asked for again', async (t) => {
  const page = await view(t, '/incidents/999999999');
  await page.getByText('Event not found').waitFor();
  const { events } = await read<EventsAnswer>(collector, '/v1/query/events?type=pageview&limit=1');
  await page.goto(`${collector.url}/incidents/${events[0]?.id}`);
  await page.getByText("This event isn't an error or report").waitFor();
  const { event } = await recordedIncident();
  let failing = true;
  await page.route(/\/v1\/incidents\//, (route) =>
    failing
      ? route.fulfill({
          status: 503,
          contentType: 'application/problem+json',
          json: { title: 'The query took too long', detail: 'It took over 5 s.' },
        })
      : route.continue(),
  );
  await page.goto(`${collector.url}/incidents/${event.id}`);
  await page.getByText('It took over 5 s.').waitFor();
  failing = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.incident-trail .follow-row').first().waitFor();
});
