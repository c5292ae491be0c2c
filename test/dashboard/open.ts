/** Pages of the dashboard for tests: in a real browser, of a real collector, watched for what must never happen. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Test } from 'tap';
import { type ChildCollector, spawnCollector } from '../support/collector.js';
import { runSpyglass } from '../support/command.js';

/** A collector of its own process with some days of the made-up app; something broke in the last ten. */
export async function startFilled(days = 3): Promise<ChildCollector> {
  const collector = await spawnCollector();
  const args = ['demo', '--config', collector.configFile, '--users', '14', '--days', `${days}`];
  const { code, stderr } = await runSpyglass(args);
  if (code !== 0) throw new Error(`the demo failed: ${stderr}`);
  return collector;
}

/** Opens a page; at the test's end it is closed, and must have asked nobody else for anything and broken no policy. */
export async function open(
  t: Test,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, ...options });
  const { origin } = new URL(url);
  const strange: string[] = [];
  context.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin) {
      strange.push(`request: ${request.url()}`);
    }
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => strange.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) strange.push(message.text());
  });
  t.teardown(async () => {
    await context.close();
    if (strange.length > 0) throw new Error(strange.join('\n'));
  });
  await page.goto(url);
  return page;
}

/** Presses End in the page's table. Chromium loses a key to an element that it has not painted yet. */
export async function pressEnd(page: Page): Promise<void> {
  await page.getByRole('table').focus();
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  await page.keyboard.press('End');
}

/** The JSON of a read. */
export async function read<T>(collector: { get(path: string): Promise<Response> }, path: string): Promise<T> {
  const answer = await collector.get(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return (await answer.json()) as T;
}

/** The recorded page within the player. */
export const recorded = (page: Page) => page.frameLocator('.stage-frame').frameLocator('iframe');
/** Waits until the recorded page says so. */
export const says = (page: Page, hasText: string): Promise<void> =>
  recorded(page).locator('body', { hasText }).waitFor({ state: 'attached' });
