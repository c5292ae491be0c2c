/** Requests, errors and gaps that end in another session than they began in: each is of the one that it began in. */
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { eventsOf, html, props, SETTABLE_CLOCK, scriptTag, until, visit } from '../../sdk/pages.js';
import { manifest, sessionOf } from '../../sdk/recordings.js';
import { launchBrowser } from '../../support/browser.js';
import { startCollector } from '../../support/collector.js';
import { startSite } from '../../support/site.js';

t.setTimeout(600_000);

const collector = await startCollector();
t.teardown(() => collector.close());
const browser = await launchBrowser();
t.teardown(() => browser.close());
const pages = new Map<string, string>();
/** Ends each request that is still waiting. */
const waiting: (() => void)[] = [];
const site = await startSite((path, _, response) => {
  if (path === '/slow') {
    waiting.push(() => response.end('{}'));
    response.writeHead(200, { 'Content-Type': 'application/json' });
  }
  const body = pages.get(path);
  return body === undefined ? undefined : { body };
});
t.teardown(() => site.close());

async function open(t: Test, user: string, options: Record<string, string> = {}): Promise<Page> {
  const context = await browser.newContext();
  t.teardown(() => context.close());
  await context.addInitScript(SETTABLE_CLOCK);
  const tag = scriptTag(collector.url, { 'user-id': user, 'web-vitals': 'false', ...options });
  pages.set(`/${user}/`, html(tag, '<button>x</button><div id="list"></div>'));
  return visit(context, `${site.url}/${user}/`, 'networkidle');
}

/** The page has asked twice, in either way, and has no answer. */
async function askTwice(page: Page): Promise<void> {
  const count = waiting.length + 2;
  await page.evaluate(`
    void fetch('/slow').then((answer) => answer.text());
    const xhr = new XMLHttpRequest(); xhr.open('GET', '/slow?2'); xhr.send();
  `);
  await until(async () => waiting.length === count);
}

/** What the collector has of a user once the page has both answers. */
async function answered(page: Page, user: string) {
  for (const end of waiting.splice(0)) end();
  return until(async () => {
    await page.evaluate('spyglass.flush()');
    const events = await eventsOf(collector.url, user);
    return events.filter(({ name }) => name === 'GET /slow').length === 2 && events;
  });
}

t.test('a request that outlasts an idle time belongs to the session before it', async (t) => {
  const page = await open(t, 'ida');
  await page.evaluate("spyglass.capture('before')");
  await askTwice(page);
  await page.evaluate('spyglass.flush().then(() => { off = 45 * 60_000 })');
  await page.mouse.click(20, 20);
  await page.evaluate("spyglass.capture('back')");
  const events = await answered(page, 'ida');
  const sessionsOf = (name: string) => [
    ...new Set(events.filter((event) => event.name === name).map(({ session_id }) => session_id)),
  ];
  t.same(sessionsOf('GET /slow'), sessionsOf('before'));
  t.not(sessionsOf('back')[0], sessionsOf('before')[0]);
  const [first] = events.filter(({ session_id }) => session_id === sessionsOf('back')[0]);
  t.equal(first?.name, 'back', 'the session that comes begins with coming back');
});

t.test('a request and an error that outlast a user are still that user’s', async (t) => {
  const page = await open(t, 'eve');
  await page.evaluate("spyglass.capture('before')");
  await askTwice(page);
  await page.evaluate(
    `console.error('of eve'); spyglass.setUser({ id: 'mallory', name: 'Mallory' }); spyglass.capture('after')`,
  );
  const events = await answered(page, 'eve');
  t.equal(new Set(events.map(({ session_id }) => session_id)).size, 1);
  t.ok(events.some(({ name }) => name.endsWith('of eve')));
  const others = await eventsOf(collector.url, 'mallory');
  t.same(
    others.map(({ name, user }) => [name, user]),
    [['after', { name: 'Mallory' }]],
  );
});

t.test('a gap that is open as the session ends belongs to it, and lengthens it by nothing', async (t) => {
  const page = await open(t, 'gus', { replay: 'true' });
  const session = await sessionOf(collector, 'gus');
  await until(async () => (await manifest(collector, session)).length > 0);
  await page.evaluate(`{
    list.append(...Array.from({ length: 4_000 }, () => document.createElement('p')));
    setTimeout(() => { off = 45 * 60_000; spyglass.setUser({ id: 'gus-too' }); spyglass.capture('after'); }, 100);
  }`);
  await until(async () => {
    await page.evaluate('spyglass.flush()');
    const next = await eventsOf(collector.url, 'gus-too').then(([event]) => event?.session_id ?? '');
    return next !== '' && (await manifest(collector, next)).length > 0;
  });
  const gaps = (await eventsOf(collector.url, 'gus')).filter(({ name }) => name === '$replay_gap');
  t.same(
    gaps.map((gap) => [gap.session_id, props(gap).reason, (gap.client_ts ?? gap.ts) === props(gap).from]),
    [[session, 'burst', true]],
  );
  const others = await eventsOf(collector.url, 'gus-too');
  t.notOk(others.some(({ name }) => name === '$replay_gap'));
});
