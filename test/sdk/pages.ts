/** Pages that carry the SDK, in a browser, and what the collector has of them. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { APP, KEY } from '../support/collector.js';
import { get } from '../support/http.js';
import type { EventRow, EventsAnswer } from '../support/rows.js';

/**
 * The script tag, with options as its attributes say them: `{ 'replay-sample': '0' }`. Without `crossorigin` it would be one of those
 * whose errors, and so the failures of requests that pass through it, browsers hide from the page.
 */
export function scriptTag(collector: string, options: Record<string, string> = {}): string {
  const given = {
    app: APP,
    key: KEY,
    'user-id': 'alice',
    replay: 'false',
    'report-button': 'false',
    ...options,
  };
  const attributes = Object.entries(given).map(
    ([name, value]) => `data-${name}="${value.replaceAll('"', '&quot;')}"`,
  );
  return `<script crossorigin src="${collector}/sdk/spyglass.js" ${attributes.join(' ')}></script>`;
}

export function html(head: string, body = '', title = 'A page'): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>${head}</head><body>${body}</body></html>`;
}

/** What has not happened by then will not: a machine may stand still for longer than a browser's driver waits. */
const GIVEN_UP_MS = 120_000;

/** Opens a URL in a browser window of its own. At `networkidle`, lazy chunks are there too. */
export async function visit(
  browser: Browser | BrowserContext,
  url: string,
  until: 'load' | 'networkidle' = 'load',
): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(GIVEN_UP_MS);
  await page.goto(url, { waitUntil: until });
  return page;
}

/** Hands over and sends all that the page has, and returns what the collector has of a user, oldest first. */
export async function flushed(page: Page, collector: string, user: string): Promise<EventRow[]> {
  await page.evaluate('spyglass.flush()');
  return eventsOf(collector, user);
}

/** The events of a user, oldest first. */
export async function eventsOf(collector: string, user: string): Promise<EventRow[]> {
  const query = new URLSearchParams({ user, limit: '500' });
  return (await get<EventsAnswer>(collector, `/v1/query/events?${query}`)).events.reverse();
}

/** Lets a page's clock be set, by `window.off` ms. */
export const SETTABLE_CLOCK = `(() => {
  const Real = Date;
  window.off = 0;
  const now = () => Real.now() + window.off;
  window.Date = new Proxy(Real, {
    construct: (target, given) => (given.length > 0 ? new target(...given) : new target(now())),
    get: (target, name) => (name === 'now' ? now : target[name]),
  });
})()`;

/** Asks until there is an answer; every test that waits waits for something to happen, and never for a time. */
export async function until<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + GIVEN_UP_MS; ; ) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`This never came true: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The props of an event as an object. */
export function props(event: EventRow | undefined): Record<string, unknown> {
  return (event?.props ?? {}) as Record<string, unknown>;
}
