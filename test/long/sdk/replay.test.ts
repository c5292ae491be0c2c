/** Recordings made in a real browser and stored by a real collector. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import t from 'tap';
import { eventsOf, flushed, html, SETTABLE_CLOCK, scriptTag, until, visit } from '../../sdk/pages.js';
import { FULL_SNAPSHOT, manifest, PLUGIN, recorded, sessionOf } from '../../sdk/recordings.js';
import { launchBrowser } from '../../support/browser.js';
import { startCollector } from '../../support/collector.js';
import { textsOnDisk } from '../../support/on-disk.js';
import { startSite } from '../../support/site.js';

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
  const session = await sessionOf(collector, 'mia');
  // The rest is there, in a recording, and in an event as the log packs it.
  const there = ['Changed-Plain', 'Logged-Line', 'Plain-Text', 'Words-Nobody-Hides'];
  const secrets = [
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
  ];
  await page.evaluate("spyglass.capture('last', { note: 'Words-Nobody-Hides' })");
  const found = await until(async () => {
    await page.evaluate('spyglass.flush()');
    const texts = await textsOnDisk(collector.dataDir, [...there, ...secrets]);
    return (
      (await manifest(collector, session)).length >= 3 && there.every((text) => texts.includes(text)) && texts
    );
  });
  t.same(found, there);
  const events = (await recorded(collector, session)).flat();
  const lines = events.filter(({ type }) => type === PLUGIN);
  t.same(lines[0]?.data.plugin, 'rrweb/console@1');
  t.same(lines[0]?.data.payload?.payload, ['"Logged-Line"', '{"a":1}']);
  await page.close();
});

t.test('console lines are cut, name their place, and leave the console as it was', async (t) => {
  const page = await open('lin', '<p>Logs</p>');
  await page.addScriptTag({
    content: `window.names = ['debug', 'log', 'info', 'warn', 'error'].map((level) => console[level].name);
    function whereItIs() {
      const long = 'x'.repeat(50000);
      console.log(long); console.info({ long }); console.debug([long]); console.warn('short', long);
      console.error(new Error(long)); console.log(new Uint8Array(5000000)); console.log(document.body);
    }
    window.looks = 0;
    const list = new Proxy(new Array(100000).fill(1), { get: (all, name) => (window.looks++, all[name]) });
    whereItIs();
    console.error(list);
    setTimeout(() => { throw new Error('Thrown-Later'); });
    Promise.reject({ message: 'Refused-Later' });
    setTimeout(() => { throw null; });`,
  });
  t.same(await page.evaluate('names'), ['debug', 'log', 'info', 'warn', 'error']);
  const session = await sessionOf(collector, 'lin');
  const lines = await until(async () => {
    await page.evaluate('spyglass.flush()');
    const found = (await recorded(collector, session)).flat().filter(({ type }) => type === PLUGIN);
    return found.length >= 11 && found.map(({ data }) => data.payload);
  });
  const looks = Number(await page.evaluate('looks'));
  t.ok(looks < 2_000, `a list is not read to its end: ${looks}`);
  const texts = lines.map((line) => line?.payload ?? []);
  t.ok(texts.flat().every((text) => text.length < 1_100));
  t.match(lines[0]?.trace?.[0], /whereItIs/);
  t.match(texts[4]?.[0], /^"Error: xxx/);
  t.match(texts[5]?.[0], /5000000 in all/);
  t.match(texts[6]?.[0], /^"<body/);
  const all = texts.flat().join();
  for (const said of ['Thrown-Later', '{"message":"Refused-Later"}', 'Uncaught'])
    t.ok(all.includes(said), said);
  await page.close();
});

t.test('numbers go on over a reload, and each page begins with a snapshot', async (t) => {
  const page = await open('rex', '<button>Here</button>');
  const session = await sessionOf(collector, 'rex');
  await until(async () => (await manifest(collector, session)).length >= 1);
  await page.click('button');
  await page.reload({ waitUntil: 'networkidle' });
  await until(async () => {
    const events = (await recorded(collector, session)).flat();
    return events.filter(({ type }) => type === FULL_SNAPSHOT).length === 2;
  });
  const chunks = await manifest(collector, session);
  t.same(
    chunks.map(({ seq }) => seq),
    chunks.map((_, index) => index + 1),
    'no number is missing',
  );
  const all = (await recorded(collector, session)).flat();
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
  const session = await sessionOf(collector, 'kim');
  await until(async () => (await manifest(collector, session)).length >= 1);
  await page.click('button');
  await page.close({ runBeforeUnload: true });
  // A page that is gone before its chunk is packed leaves it to the next one.
  await open('kim', '<p>Back again</p>', {}, context);
  await until(async () => (await recorded(collector, session)).flat().some(({ data }) => data.source === 2));
  t.pass('the click is in the store');
  await context.close();
});

t.test('a session that is not in the sample, and one that is off, leave no recording', async (t) => {
  for (const options of [{ replay: 'false' }, { 'replay-sample': '0' }]) {
    const user = `off-${Object.keys(options)}`;
    const opened = await open(user, '<p>Hello</p>', options as Record<string, string>);
    const session = (await flushed(opened, collector.url, user))[0]?.session_id ?? '';
    t.same(await manifest(collector, session), []);
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

t.test('what is typed is recorded where that is asked for, a password never', async (t) => {
  for (const mask of ['password', 'none']) {
    const page = await open(
      `mask-${mask}`,
      '<input id="name" value="At-First"><input type="password" id="word" value="Secret-First"><textarea id="note"></textarea>',
      { 'mask-inputs': mask },
    );
    await page.fill('#name', 'Typed-Name');
    await page.fill('#word', 'Secret-Word');
    await page.evaluate("document.querySelector('#word').type = 'text'");
    await page.fill('#word', 'Secret-Shown');
    await page.fill('#note', 'Typed-Note');
    const session = await sessionOf(collector, `mask-${mask}`);
    const text = await until(async () => {
      await page.evaluate('spyglass.flush()');
      const all = JSON.stringify(await recorded(collector, session));
      return all.includes('Typed-Note') && all;
    });
    t.match(text, /At-First/);
    t.match(text, /Typed-Name/);
    t.notMatch(text, /Secret-/);
    await page.close();
  }
});

t.test('the address of a recorded page is scrubbed', async (t) => {
  const tag = scriptTag(collector.url, { 'user-id': '', replay: 'true', 'web-vitals': 'false' });
  const init = `<script>
    spyglass.init({ user: { id: 'sam' }, scrubUrl: (url) => url.replace(/secret/g, 'hidden') });
  </script>`;
  pages.set('/sam/', html(tag + init));
  const page = await visit(browser, `${site.url}/sam/?token=secret#secret`, 'networkidle');
  const session = await sessionOf(collector, 'sam');
  const text = await until(async () => {
    await page.evaluate('spyglass.flush()');
    const all = JSON.stringify(await recorded(collector, session));
    return all.length > 100 && all;
  });
  t.match(text, /token=hidden#hidden/);
  t.notMatch(text, /secret/);
  await page.close();
});

t.test('neither a frame that records too, nor a storage that is cleared, costs a chunk', async (t) => {
  const frameTag = scriptTag(collector.url, { 'user-id': 'fritz', replay: 'true', 'web-vitals': 'false' });
  pages.set('/frame/', html(frameTag, '<p id="text">frame</p>'));
  const page = await open('fritz', '<p id="text">page</p><iframe src="/frame/"></iframe>');
  const sessions = await until(async () => {
    for (const frame of page.frames()) await frame.evaluate('spyglass.flush()');
    const ids = new Set((await eventsOf(collector.url, 'fritz')).map(({ session_id }) => session_id));
    return ids.size === 2 && [...ids];
  });
  const write = async (word: string) => {
    for (const frame of page.frames()) {
      await frame.evaluate(`document.querySelector('#text').textContent = '${word}'`);
    }
    await until(async () => {
      for (const frame of page.frames()) await frame.evaluate('spyglass.flush()');
      const found = await Promise.all(sessions.map(async (session) => recorded(collector, session)));
      return found.every((chunks) => JSON.stringify(chunks).includes(word));
    });
  };
  await write('one');
  await write('two');
  await page.evaluate('localStorage.clear(); sessionStorage.clear()');
  const before = await Promise.all(sessions.map(async (session) => recorded(collector, session)));
  await page.reload({ waitUntil: 'networkidle' });
  // Whichever of the two the new page goes on with: what was there still is, and more has come.
  const after = await until(async () => {
    for (const frame of page.frames()) await frame.evaluate('spyglass.flush()');
    const found = await Promise.all(sessions.map(async (session) => recorded(collector, session)));
    return found.flat().length > before.flat().length && found;
  });
  for (const [at, chunks] of before.entries()) t.same(after[at]?.slice(0, chunks.length), chunks);
  await page.close();
});

for (const [label, off] of [
  ['seconds', -20_000],
  ['minutes', -600_000],
] as const) {
  t.test(`a clock that is set back by ${label} leaves each chunk with one clock, at its time`, async (t) => {
    const context = await browser.newContext();
    t.teardown(() => context.close());
    await context.addInitScript(SETTABLE_CLOCK);
    const startedAt = Date.now();
    const page = await open(`back-by-${label}`, '<p id="p">one</p>', {}, context);
    const session = await sessionOf(collector, `back-by-${label}`);
    await until(async () => (await manifest(collector, session)).length > 0);
    await page.evaluate("p.textContent = 'two'");
    // Changes of one moment would be one change.
    await page.evaluate(`new Promise((done) => setTimeout(done)).then(() => { off = ${off} })`);
    await page.evaluate("p.textContent = 'three'");
    const chunks = await until(async () => {
      await page.evaluate('spyglass.flush()');
      const chunks = await recorded(collector, session);
      return JSON.stringify(chunks).includes('three') && chunks;
    });
    const texts = JSON.stringify(chunks);
    t.ok(texts.indexOf('two') < texts.indexOf('three'), 'in order');
    for (const events of chunks) {
      const times = events.map(({ timestamp }) => timestamp);
      t.same(
        times,
        times.toSorted((a, b) => a - b),
        'by one clock',
      );
    }
    const begins = (await manifest(collector, session)).map(({ ts = 0 }) => ts);
    const back = off < -60_000 ? 0 : off;
    t.ok(Math.min(...begins) >= startedAt + back, 'none before it was recorded');
    t.ok(Math.max(...begins) <= Date.now(), 'none after it');
  });
}
