/** The bug-report button, used by the keyboard alone and read as a screen reader does. */
import type { Page } from 'playwright-core';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { startCollector } from '../support/collector.js';
import { startSite } from '../support/site.js';
import { eventsOf, html, scriptTag, until, visit } from './pages.js';

const collector = await startCollector();
t.teardown(() => collector.close());
const browser = await launchBrowser();
t.teardown(() => browser.close());
const site = await startSite((path) => {
  const options = {
    'user-id': path.slice(1),
    'report-button': 'true',
    'web-vitals': 'false',
    pageviews: 'false',
  };
  // The policy of the strictest of pages: no style of ours may need an exception.
  const headers = {
    'Content-Security-Policy': `default-src 'none'; script-src ${collector.url}; connect-src ${collector.url}`,
  };
  return { headers, body: html(scriptTag(collector.url, options), '<p>Page</p>') };
});
t.teardown(() => site.close());

/** The roles and names of what a screen reader finds, the closed shadow root's too. */
async function spoken(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name }) => `${String(role?.value)} ${String(name?.value ?? '')}`.trim());
}

const says = (page: Page, text: string) =>
  until(async () => (await spoken(page)).find((line) => line.includes(text)));

async function openDialog(page: Page): Promise<void> {
  await says(page, 'button Report a bug');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await says(page, 'dialog Report a bug');
}

t.test('a report is written and sent by the keyboard, and confirmed once it has arrived', async (t) => {
  const page = await visit(browser, `${site.url}/rita`, 'networkidle');
  const violations: string[] = [];
  page.on(
    'console',
    (message) => message.text().includes('Content Security Policy') && violations.push(message.text()),
  );
  await openDialog(page);
  const lines = await spoken(page);
  for (const line of [
    'textbox What went wrong?',
    'radio Medium: I can work around it',
    'button Send',
    'button Cancel',
  ]) {
    t.ok(lines.includes(line), line);
  }
  await page.keyboard.insertText(`The list is empty ${'x'.repeat(100)}`);
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await says(page, 'Your report has arrived');
  const [report] = await eventsOf(collector.url, 'rita');
  t.equal(report?.type, 'bug_report');
  t.equal(report?.name, `The list is empty ${'x'.repeat(62)}`);
  t.same(report?.props, { comment: `The list is empty ${'x'.repeat(100)}`, severity: 'high' });
  await page.keyboard.press('Enter');
  await until(async () => !(await spoken(page)).some((line) => line.startsWith('dialog')));
  t.same(violations, []);
  await page.close();
});

t.test('an empty report is not sent, and Escape closes the dialog', async (t) => {
  const page = await visit(browser, `${site.url}/emil`, 'networkidle');
  await openDialog(page);
  await page.keyboard.type('   ');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await until(async () => !(await spoken(page)).some((line) => line.startsWith('dialog')));
  await page.evaluate('spyglass.flush()');
  t.same(await eventsOf(collector.url, 'emil'), []);
  await page.close();
});

t.test('what has not arrived is not confirmed, and arrives later, once', async (t) => {
  const page = await visit(browser, `${site.url}/otto`, 'networkidle');
  await openDialog(page);
  // Not `setOffline`: on a busy machine a request that is under way then arrives all the same.
  const route = `${collector.url}/v1/events`;
  await page.route(route, (request) => request.abort());
  await page.keyboard.type('Offline');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await says(page, 'has not arrived yet');
  t.same(await eventsOf(collector.url, 'otto'), []);
  await page.unroute(route);
  await until(async () => (await eventsOf(collector.url, 'otto')).length > 0);
  await page.evaluate('spyglass.flush()');
  t.equal((await eventsOf(collector.url, 'otto')).length, 1);
  await page.close();
});
