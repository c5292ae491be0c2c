/** Pages of the dashboard in a real browser, watched by an origin that nothing of them may ask. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page, Request } from 'playwright-core';
import t, { type Test } from 'tap';
import { hostileMarkup, TO_NODES } from '../../dashboard/hostile-pages.js';
import { uploadEvents } from '../../dashboard/recordings.js';
import { launchBrowser } from '../../support/browser.js';
import { startCollector } from '../../support/collector.js';
import { apps, event, NOON, store } from '../../support/http.js';

export const APP = 'inventory';
/** Looked at at a time: they wait more than they work. */
export const PAGES = 4;
export const collector = await startCollector({ apps: apps(APP) });
export const browser = await launchBrowser();

/** Who asked the evil origin, and who as much as connected to it. */
export const asked: string[] = [];
let connections = 0;
const evilServer = createServer((request, response) => {
  asked.push(request.url ?? '');
  response.writeHead(200, { 'access-control-allow-origin': '*' }).end();
}).on('connection', () => {
  connections += 1;
});
await new Promise<void>((resolve) => evilServer.listen(0, '127.0.0.1', resolve));
export const evil = `http://127.0.0.1:${(evilServer.address() as AddressInfo).port}`;
export const markup = hostileMarkup(evil);
export const whole = markup.map(([, html]) => html).join('\n');

t.teardown(async () => {
  await browser.close();
  evilServer.close();
  evilServer.closeAllConnections();
  await collector.close();
});

export interface Watched {
  page: Page;
  /** Asserts that nothing happened that should not. */
  assertHarmless(t: Test): Promise<void>;
}

/** A page of the dashboard, watched. */
export async function watch(path: string): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
  const page = await context.newPage();
  const strange: string[] = [];
  page.on('dialog', (dialog) => {
    strange.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => strange.push(`an error of the page: ${error.message}`));
  context.on('page', (other) => strange.push(`another page: ${other.url()}`));
  const look = (request: Request): void => {
    const url = request.url();
    // What is stopped before it leaves is told of as a request that failed; what reaches the evil origin, it counts itself.
    if (request.failure()?.errorText === 'csp' || (request.failure() !== null && url.startsWith(evil)))
      return;
    if (!url.startsWith(`${collector.url}/`) && !/^(data|blob|about):/.test(url))
      strange.push(`a request: ${url}`);
    else if (request.method() !== 'GET') strange.push(`${request.method()} ${url}`);
  };
  context.on('requestfinished', look);
  context.on('requestfailed', look);
  await page.goto(collector.url + path);
  const address = page.url().replace(/[?#].*/, '');
  return {
    page,
    async assertHarmless(t) {
      await page.waitForTimeout(300);
      t.same(strange, [], 'nothing strange');
      t.equal(await page.evaluate('window.pwned'), undefined, 'nothing ran');
      t.same(asked, [], 'nobody was asked');
      t.equal(connections, 0, 'nor connected to');
      t.equal(page.url().replace(/[?#].*/, ''), address, 'the page is where it was');
      t.match(await page.title(), / · spyglass$/);
      const onTop = await page.evaluate(
        `[[30, 20], [innerWidth - 60, 20]].every(([x, y]) => document.elementFromPoint(x, y).closest('.top'))`,
      );
      t.ok(onTop, 'nothing lies over the navigation');
      const links = await page.evaluate<string[]>('[...document.links].map((link) => link.href)');
      t.same(
        links.filter((link) => !link.startsWith(`${collector.url}/`)),
        [],
        'every link stays here',
      );
      await context.close();
    },
  };
}

/** Nodes of markup, as a recorder would have them that leaves nothing out, with the scripts under a name of another case. */
export async function toNodes(html: string): Promise<object> {
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  const node = await page.evaluate<object, string>(`(${TO_NODES})(${JSON.stringify(html)})`, html);
  await context.close();
  return JSON.parse(JSON.stringify(node).replaceAll('"tagName":"script"', '"tagName":"SCRIPT"')) as object;
}

let sessions = 0;
/** Stores an event of a new session, and returns the session's id. */
export async function newSession(): Promise<string> {
  sessions += 1;
  const session = `hostile-${sessions}`;
  await store(collector.url, APP, [event({ session_id: session, ts: NOON })]);
  return session;
}

/** Uploads a recording with an event beside it, and opens it at a moment. */
export async function playing(events: readonly unknown[], at = NOON + 500): Promise<Watched> {
  const session = await newSession();
  await uploadEvents(collector.url, { app: APP, session, seq: 1 }, events);
  const watched = await watch(`/replay/${APP}/${session}?t=${at}`);
  await watched.page.locator('.player-word:text-is("")').waitFor({ state: 'attached' });
  return watched;
}

/** What the recording's own page says now. */
export const said = (page: Page): Promise<string> =>
  page.evaluate<string>(
    `document.querySelector('.stage-frame').contentDocument.querySelector('iframe')?.contentDocument.body?.textContent ?? ''`,
  );

/** Asserts that somebody connected to the evil origin, and counts from none again. */
export function countAnew(t: Test): void {
  t.ok(connections > 0);
  asked.length = 0;
  connections = 0;
}
