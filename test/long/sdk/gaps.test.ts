/** Pages and uplinks that are too much for a recording: it gives way, says where, and begins anew. */
import type { Page } from 'playwright-core';
import t from 'tap';
import { flushed, html, props, scriptTag, until, visit } from '../../sdk/pages.js';
import { manifest, recorded, sessionOf, snapshots } from '../../sdk/recordings.js';
import { launchBrowser } from '../../support/browser.js';
import { startCollector } from '../../support/collector.js';
import { startGateway } from '../../support/gateway.js';
import type { EventRow } from '../../support/rows.js';
import { startSite } from '../../support/site.js';

const collector = await startCollector();
t.teardown(() => collector.close());
const gateway = await startGateway(() => collector.url);
t.teardown(() => gateway.close());
const browser = await launchBrowser();
t.teardown(() => browser.close());
const pages = new Map<string, string>();
const site = await startSite((path) => {
  const body = pages.get(path);
  return body === undefined ? undefined : { body };
});
t.teardown(() => site.close());

async function open(user: string, body: string): Promise<Page> {
  const tag = scriptTag(gateway.url, { 'user-id': user, replay: 'true', 'web-vitals': 'false' });
  pages.set(`/${user}/`, html(tag, body));
  return visit(browser, `${site.url}/${user}/`, 'networkidle');
}

async function gapsOf(page: Page, user: string): Promise<EventRow[]> {
  return (await flushed(page, collector.url, user)).filter(({ name }) => name === '$replay_gap');
}

/** The first gap that is marked, once it is. */
async function gapOf(page: Page, user: string): Promise<Record<string, unknown>> {
  const [gap] = await until(async () => {
    const gaps = await gapsOf(page, user);
    return gaps.length > 0 && gaps;
  });
  t.ok(Number(props(gap).to) >= Number(props(gap).from));
  return props(gap);
}

/** A list of so many elements. */
const rows = (count: number) =>
  `<div id="list"></div><script>list.innerHTML = Array.from({ length: ${count} }, (_, at) => '<p title="x">row ' + at + '</p>').join('')</script>`;

t.test('a burst of mutations is a marked gap, after which the page is recorded anew', async (t) => {
  const page = await open('bob', '<div id="list"></div>');
  const session = await sessionOf(collector, 'bob');
  await until(async () => (await manifest(collector, session)).length >= 1);
  await page.evaluate(`
    for (let i = 0; i < 10000; i += 1) {
      const line = document.createElement('p'); line.textContent = 'line ' + i; list.append(line);
    }
  `);
  t.equal((await gapOf(page, 'bob')).reason, 'burst');
  await until(async () => {
    await page.evaluate('spyglass.flush()');
    return (await snapshots(collector, session)).length === 2;
  });
  const [, second] = await snapshots(collector, session);
  t.match(JSON.stringify(second), /line 9999/);
  const rest = (await recorded(collector, session)).flat().filter(({ timestamp, type }) => {
    return timestamp !== second?.timestamp || type !== second.type;
  });
  t.notMatch(JSON.stringify(rest), /line 9999/);
  await page.close();
});

t.test('a large page is recorded, once', async (t) => {
  const page = await open('lara', rows(19_000));
  const session = await sessionOf(collector, 'lara');
  await until(async () => (await snapshots(collector, session)).length > 0);
  const [snapshot] = await snapshots(collector, session);
  t.ok(JSON.stringify(snapshot).length > 2_000_000, 'its picture alone is more than may wait');
  for (const word of ['one', 'two', 'three'])
    await page.evaluate(`list.firstChild.firstChild.data = '${word}'`);
  await until(async () => {
    await page.evaluate('spyglass.flush()');
    return JSON.stringify((await recorded(collector, session)).flat()).includes('"three"');
  });
  t.equal((await snapshots(collector, session)).length, 1);
  t.same(await gapsOf(page, 'lara'), []);
  await page.close();
});

t.test('a page too large is a marked gap, until it is smaller', async (t) => {
  const page = await open('hugo', rows(20_100));
  const session = await sessionOf(collector, 'hugo');
  await page.evaluate("document.querySelectorAll('#list :nth-child(n + 10)').forEach((row) => row.remove())");
  t.equal((await gapOf(page, 'hugo')).reason, 'size');
  await until(async () => {
    await page.evaluate('spyglass.flush()');
    return (await snapshots(collector, session)).length > 0;
  });
  const [snapshot] = await snapshots(collector, session);
  t.match(JSON.stringify(snapshot), /row 7/);
  t.notMatch(JSON.stringify(await recorded(collector, session)), /row 20/);
  await page.close();
});

t.test('a slow uplink costs recordings, never events, and the gap is marked', async (t) => {
  const page = await open('ulla', '<p id="text">-</p>');
  const session = await sessionOf(collector, 'ulla');
  await until(async () => (await manifest(collector, session)).length >= 1);
  gateway.decideUpload(() => ({ status: 503 }));
  // Ten chunks of 300 KB each, one after the other.
  await page.evaluate(`(async () => {
    for (let i = 0; i < 10; i += 1) {
      text.textContent = 'part ' + i + ' ' + 'x'.repeat(300_000);
      spyglass.capture('written', { i });
      await new Promise((done) => setTimeout(done, 20));
    }
    text.textContent = 'unseen while nothing could be sent';
    await new Promise((done) => setTimeout(done, 20));
    text.textContent = 'the end';
  })()`);
  const written = (await flushed(page, collector.url, 'ulla')).filter(({ name }) => name === 'written');
  t.equal(written.length, 10, 'no event waits for a recording');
  t.same(await gapsOf(page, 'ulla'), []);
  gateway.decideUpload(() => 'pass');
  t.equal((await gapOf(page, 'ulla')).reason, 'uplink');
  await until(async () => {
    await page.evaluate('spyglass.flush()');
    return (await snapshots(collector, session)).length === 2;
  });
  const text = JSON.stringify(await recorded(collector, session));
  t.match(text, /part 5 /);
  t.match(text, /the end/);
  t.notMatch(text, /unseen while/);
  t.equal((await gapsOf(page, 'ulla')).length, 1);
  await page.close();
});

t.test('a 503 and a 429 cost no chunk, and `Retry-After` is waited out', async (t) => {
  const from = gateway.uploads.length;
  const times: number[] = [];
  gateway.decideUpload((_seq, count) => {
    times.push(Date.now());
    if (count === from) return { status: 503 };
    return count === from + 1 ? { status: 429, retryAfterS: 2 } : 'pass';
  });
  const page = await open('rita', '<p>Hello</p>');
  const session = await sessionOf(collector, 'rita');
  await until(async () => (await snapshots(collector, session)).length === 1);
  t.same(gateway.uploads.slice(from, from + 3), [1, 1, 1]);
  t.ok((times[2] ?? 0) - (times[1] ?? 0) >= 2_000, 'as long as was asked for');
  await page.close();
});

t.test('what the collector refuses for good is a marked gap', async (t) => {
  const page = await open('zoe', '<p id="text">Hello</p>');
  const session = await sessionOf(collector, 'zoe');
  await until(async () => (await manifest(collector, session)).length >= 1);
  gateway.decideUpload((_seq) => ({ status: 413, problem: 'body_too_large' }));
  await page.evaluate("text.textContent = 'too large to be taken'; spyglass.flush()");
  t.equal((await gapOf(page, 'zoe')).reason, 'refused');
  gateway.decideUpload(() => 'pass');
  await page.evaluate("text.textContent = 'small again'");
  await until(async () => {
    await page.evaluate('spyglass.flush()');
    return JSON.stringify(await recorded(collector, session)).includes('small again');
  });
  await page.close();
});

t.test('nobody there for half an hour is a marked gap, until somebody is', async (t) => {
  const tag = scriptTag(gateway.url, { 'user-id': 'ida', replay: 'true', 'web-vitals': 'false' });
  pages.set('/ida/', html(tag, '<p id="text">-</p>'));
  const page = await browser.newPage();
  await page.clock.install();
  await page.goto(`${site.url}/ida/`, { waitUntil: 'networkidle' });
  await page.clock.runFor(3_000);
  const session = await sessionOf(collector, 'ida');
  const send = async () => {
    await page.clock.runFor(15_000);
    await page.evaluate('spyglass.flush()');
  };
  await until(async () => {
    await send();
    return (await snapshots(collector, session)).length === 1;
  });
  await page.clock.fastForward(31 * 60_000);
  await page.evaluate("text.textContent = 'nobody sees this'");
  await page.clock.runFor(1_000);
  await page.evaluate("text.textContent = 'nor this'");
  await page.clock.runFor(1_000);
  await page.mouse.move(10, 10);
  await page.mouse.down();
  await page.clock.runFor(3_000);
  await until(async () => {
    await send();
    const events = await flushed(page, collector.url, 'ida');
    return events.some((event) => event.name === '$replay_gap' && props(event).reason === 'idle');
  });
  t.notMatch(JSON.stringify(await recorded(collector, session)), /nobody sees this|nor this/);
  await page.close();
});
