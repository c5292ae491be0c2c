/** Recordings made in a real browser and stored by a real collector. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { startCollector } from '../support/collector.js';
import { filesUnder } from '../support/files.js';
import type { EventRow, ManifestAnswer } from '../support/rows.js';
import { startSite } from '../support/site.js';
import { eventsOf, flushed, html, props, scriptTag, until, visit } from './pages.js';

interface Recorded {
  type: number;
  timestamp: number;
  data: { source?: number; href?: string; plugin?: string; payload?: { level: string; payload: string[] } };
}

const FULL_SNAPSHOT = 2;
const PLUGIN = 6;

const collector = await startCollector();
t.teardown(() => collector.close());
const browser = await launchBrowser();
t.teardown(() => browser.close());
const pages = new Map<string, string>();
const site = await startSite((path) => {
  const body = pages.get(path);
  return body === undefined ? undefined : { body };
});
t.teardown(() => site.close());

async function open(
  user: string,
  body: string,
  options: Record<string, string> = {},
  where: Browser | BrowserContext = browser,
): Promise<Page> {
  const tag = scriptTag(collector.url, {
    'user-id': user,
    replay: 'true',
    'web-vitals': 'false',
    ...options,
  });
  pages.set(`/${user}/`, html(tag, body));
  const page = await visit(where, `${site.url}/${user}/`, 'networkidle');
  return page;
}

/** The session of a user who has one. */
async function sessionOf(user: string): Promise<string> {
  const [event] = await until<EventRow[]>(async () => {
    const events = await eventsOf(collector.url, user);
    return events.length > 0 && events;
  });
  return event?.session_id ?? '';
}

async function manifest(session: string): Promise<ManifestAnswer['chunks']> {
  const response = await collector.get(`/v1/sessions/${session}/replay`);
  return response.ok ? ((await response.json()) as ManifestAnswer).chunks : [];
}

/** The events of each chunk, in order. */
async function recorded(session: string): Promise<Recorded[][]> {
  const chunks = await manifest(session);
  return Promise.all(
    chunks.map(async ({ path }) => (await collector.get(path)).json() as Promise<Recorded[]>),
  );
}

/** Everything the collector keeps, its recordings unpacked. */
async function storedText(): Promise<string> {
  const texts = (await filesUnder(collector.dataDir)).map(async (file) => {
    const bytes = await readFile(file).catch(() => Buffer.alloc(0));
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('latin1');
  });
  return (await Promise.all(texts)).join('\n');
}

t.test('what is typed, masked or blocked is nowhere in the store', async (t) => {
  const page = await open(
    'mia',
    `<input id="name" value="Default-Name"><input type="password" id="word"><input type="hidden" value="csrf-Hidden">
    <textarea id="note">Old-Note</textarea><div id="edit" contenteditable>Old-Edit</div>
    <p data-spyglass-mask title="Masked-Title">Masked-Text <b id="deep">Masked-Deep</b></p>
    <div data-spyglass-block><p id="in">Blocked-Text</p><img alt="Blocked-Alt"></div><p id="plain">Plain-Text</p>`,
  );
  await page.fill('#name', '');
  await page.fill('#name', 'Typed-Name');
  await page.fill('#word', 'Typed-Password');
  await page.evaluate("document.querySelector('#word').type = 'text'");
  await page.fill('#word', 'Shown-Password');
  await page.fill('#note', 'Typed-Note');
  await page.fill('#edit', 'Typed-Edit');
  await page.evaluate(`
    document.querySelector('#deep').firstChild.data = 'Changed-Deep';
    document.querySelector('#deep').parentElement.title = 'Changed-Title';
    document.querySelector('#in').textContent = 'Changed-In';
    document.querySelector('#in').after('Added-In');
    document.querySelector('#plain').textContent = 'Changed-Plain';
    console.log('Logged-Line', { a: 1 });
    document.querySelector('#name').value = '';
  `);
  await page.reload({ waitUntil: 'networkidle' });
  const session = await sessionOf('mia');
  const text = await until(async () => {
    await page.evaluate('spyglass.flush()');
    const all = await storedText();
    return (await manifest(session)).length >= 3 && all.includes('Changed-Plain') && all;
  });
  t.ok(text.includes('Plain-Text') && text.includes('Logged-Line'), 'the rest is there');
  for (const secret of [
    'Default-',
    'Typed-',
    'Shown-',
    'csrf-',
    'Old-',
    'Masked-',
    'Blocked-',
    '-Deep',
    '-Title',
    '-In"',
  ]) {
    t.notOk(text.includes(secret), secret);
  }
  const events = (await recorded(session)).flat();
  const lines = events.filter(({ type }) => type === PLUGIN);
  t.same(lines[0]?.data.plugin, 'rrweb/console@1');
  t.same(lines[0]?.data.payload?.payload, ['"Logged-Line"', '{"a":1}']);
  await page.close();
});

t.test('numbers go on over a reload, and each page begins with a snapshot', async (t) => {
  const page = await open('rex', '<button>Here</button>');
  const session = await sessionOf('rex');
  await until(async () => (await manifest(session)).length >= 1);
  await page.click('button');
  await page.reload({ waitUntil: 'networkidle' });
  await until(async () => {
    const events = (await recorded(session)).flat();
    return events.filter(({ type }) => type === FULL_SNAPSHOT).length === 2;
  });
  const chunks = await manifest(session);
  t.same(
    chunks.map(({ seq }) => seq),
    chunks.map((_, index) => index + 1),
    'no number is missing',
  );
  const all = (await recorded(session)).flat();
  t.ok(
    all.every(({ timestamp }, index) => timestamp >= (all[index - 1]?.timestamp ?? 0)),
    'in the order of time',
  );
  t.ok(
    all.some(({ data }) => data.source === 2),
    'the click before the reload is there',
  );
  await page.close();
});

t.test('a chunk on its way out with the page arrives, with the next page at the latest', async (t) => {
  const context = await browser.newContext();
  const page = await open('kim', '<button>Here</button>', {}, context);
  const session = await sessionOf('kim');
  await until(async () => (await manifest(session)).length >= 1);
  await page.click('button');
  await page.close({ runBeforeUnload: true });
  // A page that is gone before its chunk is packed leaves it to the next one.
  await open('kim', '<p>Back again</p>', {}, context);
  await until(async () => (await recorded(session)).flat().some(({ data }) => data.source === 2));
  t.pass('the click is in the store');
  await context.close();
});

t.test('a burst of mutations is a marked gap, after which the page is recorded anew', async (t) => {
  const page = await open('bob', '<div id="list"></div>');
  const session = await sessionOf('bob');
  await until(async () => (await manifest(session)).length >= 1);
  await page.evaluate(`
    for (let i = 0; i < 10000; i += 1) {
      const line = document.createElement('p'); line.textContent = 'line ' + i; document.querySelector('#list').append(line);
    }
  `);
  const gap = await until(async () =>
    (await flushed(page, collector.url, 'bob')).find(({ name }) => name === '$replay_gap'),
  );
  t.equal(props(gap).reason, 'burst');
  t.ok(Number(props(gap).to) >= Number(props(gap).from));
  await until(async () => {
    await page.evaluate('spyglass.flush()');
    return (await recorded(session)).flat().filter(({ type }) => type === FULL_SNAPSHOT).length === 2;
  });
  const events = (await recorded(session)).flat();
  const second = events.findLast(({ type }) => type === FULL_SNAPSHOT);
  t.match(JSON.stringify(second), /line 9999/);
  t.notMatch(JSON.stringify(events.filter((event) => event !== second)), /line 9999/);
  await page.close();
});

t.test('a session that is not in the sample, and one that is off, leave no recording', async (t) => {
  for (const options of [{ replay: 'false' }, { 'replay-sample': '0' }]) {
    const user = `off-${Object.keys(options)}`;
    const opened = await open(user, '<p>Hello</p>', options as Record<string, string>);
    const session = (await flushed(opened, collector.url, user))[0]?.session_id ?? '';
    t.same(await manifest(session), []);
    if ('replay' in options) t.notOk(await loadedRecorder(opened), 'nor is what records even loaded');
    await opened.close();
  }
  const recording = await open('on', '<p>Hello</p>');
  t.ok(await loadedRecorder(recording), 'as it is where it is on');
  await recording.close();
});

const loadedRecorder = (page: Page): Promise<boolean> =>
  page.evaluate<boolean>(
    "performance.getEntriesByType('resource').some(({ name }) => /\\/replay-\\w+\\.js$/.test(name))",
  );
