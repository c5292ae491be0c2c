/** What is left of a recording's styles in a real browser: nothing that asks anybody for anything, and all the rest. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { startCollector } from '../support/collector.js';
import { apps, NOON } from '../support/http.js';
import { fromPlayer } from './from-player.js';
import { CSS_PIECES, hostileStyles } from './hostile-styles.js';
import { change, meta, picture, type RecordedEvent, uploadEvents } from './recordings.js';

const GENERATED = 600;
const SEED = Number(process.env.SPYGLASS_SEED ?? Date.now() % 1_000_000);

const { harmlessCss } = await fromPlayer<{ harmlessCss: (text: string) => string }>('css.ts');
const { makeHarmless, cleanByElement } = await fromPlayer<{
  makeHarmless: (events: RecordedEvent[]) => RecordedEvent[];
  cleanByElement: (events: RecordedEvent[], met: { styles: Set<unknown>; loading: Set<unknown> }) => void;
}>('harmless.ts');

const asked = new Set<string>();
const server = createServer((request, response) => {
  if (request.url !== '/page') asked.add(request.url ?? '');
  response.writeHead(200, { 'content-type': request.url === '/page' ? 'text/html' : 'text/css' });
  response.end(request.url === '/page' ? '<!doctype html><svg></svg><p>x</p>' : '');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const browser = await launchBrowser();
t.teardown(async () => {
  await browser.close();
  server.close();
  server.closeAllConnections();
});

/** The paths that a page without any policy asks for, with each list of texts joined in a style of its own. */
async function askedBy(styles: readonly (readonly string[])[]): Promise<string[]> {
  const page = await browser.newPage();
  await page.goto(`${origin}/page`);
  asked.clear();
  // Each in a tree of its own: what one breaks must not hide another.
  await page.evaluate(`for (const texts of ${JSON.stringify(styles)}) {
    const root = document.body.appendChild(document.createElement('div')).attachShadow({ mode: 'open' });
    const style = document.createElement('style');
    style.append(...texts);
    root.append(style, Object.assign(document.createElement('i'), { textContent: 'x' }));
  }`);
  await page.waitForLoadState('networkidle');
  await page.waitForTimeout(200);
  await page.close();
  return [...asked];
}

/** Numbers of the Park-Miller generator, below `below`. */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

t.test('each trick asks by itself, and does not once it is cleaned', async (t) => {
  const tricks = hostileStyles((name) => `${origin}/${name}`);
  const before = await askedBy(tricks.map(([, css]) => [css]));
  t.ok(before.length > 30, `${before.length} of ${tricks.length} ask in this browser`);
  t.same(await askedBy(tricks.map(([, css]) => [harmlessCss(css)])), []);
  for (const [name, css] of tricks) {
    const once = harmlessCss(css);
    t.equal(harmlessCss(once), once, `${name}: a second time changes nothing`);
  }
});

t.test('nor does a trick that is cut into texts, each cleaned by itself', async (t) => {
  const tricks = hostileStyles((name) => `${origin}/${name}`);
  const cuts = tricks.flatMap(([, css]) =>
    Array.from({ length: Math.ceil(css.length / 3) }, (_, n) => [css.slice(0, n * 3), css.slice(n * 3)]),
  );
  t.same(await askedBy(cuts.map((texts) => texts.map(harmlessCss))), []);
});

t.test(`nor does whatever is made of tricks by chance (SPYGLASS_SEED=${SEED})`, async (t) => {
  const random = randomFrom(SEED);
  const made = Array.from({ length: GENERATED }, (_, n) => {
    const tricks = hostileStyles(() => `${origin}/g${n}`);
    let [, css = ''] = tricks[random(tricks.length)] ?? [];
    for (let edits = random(5); edits > 0; edits--) {
      const at = random(css.length);
      css = css.slice(0, at) + (CSS_PIECES[random(CSS_PIECES.length)] ?? '') + css.slice(at + random(3));
    }
    return css;
  });
  const before = await askedBy(made.map((css) => [css]));
  t.ok(before.length > GENERATED / 10, `${before.length} of ${GENERATED} ask before`);
  t.same(await askedBy(made.map((css) => [harmlessCss(css)])), []);
  const halves = made.map((css) => [css.slice(0, css.length / 2), css.slice(css.length / 2)]);
  t.same(await askedBy(halves.map((texts) => texts.map(harmlessCss))), []);
});

t.test('changes are cleaned by the element that they are of, in whatever order that comes', async (t) => {
  const css = '@import "anything"';
  const svg = `data:image/svg+xml,${origin}/svg`;
  const element = (id: number, tagName: string, attributes = {}) => ({
    parentId: 1,
    node: { type: 2, id, tagName, attributes, childNodes: [] },
  });
  const text = (id: number, parentId: number) => ({ parentId, node: { type: 3, id, textContent: css } });
  const mutation = (data: object) =>
    change(NOON, { source: 0, adds: [], removes: [], texts: [], attributes: [], ...data });
  const attributes = (id: number, attributes: object) => mutation({ attributes: [{ id, attributes }] });
  const events = makeHarmless([
    // The text comes before its style.
    mutation({ adds: [text(51, 50), element(50, 'style')] }),
    mutation({ texts: [{ id: 51, value: css }] }),
    // A link is a style from a change on.
    mutation({ adds: [element(60, 'link', { rel: 'stylesheet' })] }),
    attributes(60, { _cssText: 'a { color: red }' }),
    mutation({ adds: [text(61, 60)] }),
    mutation({ adds: ['iframe', 'frame', 'object', 'embed'].map((tag, n) => element(70 + n, tag)) }),
    ...[70, 71, 72, 73].map((id) => attributes(id, { src: svg, SRC: svg, data: svg })),
    mutation({ adds: [element(80, 'img', { attributionsrc: `${origin}/source` }), element(81, 'img')] }),
    attributes(81, { attributionsrc: `${origin}/source` }),
  ]);
  cleanByElement(events, { styles: new Set(), loading: new Set() });
  t.notMatch(JSON.stringify(events), origin);
  t.notMatch(JSON.stringify(events), '@import');
  const picture = [attributes(81, { src: svg })];
  cleanByElement(makeHarmless(picture), { styles: new Set(), loading: new Set([70]) });
  t.match(JSON.stringify(picture), svg, 'a picture keeps its address');
});

t.test('styles that ask for nothing stay as they are', async (t) => {
  const kept = [
    '.a\\:hover > b:nth-child(2n+1)::before { content: "\\201C url(x) @import" }',
    '@media (min-width: 1e2px) and (color) { a[href="#x"] { color: rgb(1 2 3 / 50%) } }',
    '@font-face { font-family: "F"; src: local("F"), url(data:font/woff2;base64,d09GMg==) format("woff2") }',
    'a { background: url( "data:image/svg+xml,<svg xmlns=\\"http://www.w3.org/2000/svg\\"/>" ) no-repeat }',
    'a { background: image-set("data:image/png,1" type("image/png") 1x, linear-gradient(red, var(--b)) 2x) }',
    'a { fill: url(#gradient); mask: url("#mask"); width: calc(1px + (2px * var(--n, 3))) }',
    '/* a comment: url(x) */ @keyframes k { from { left: -.5em } to { left: +1.5em!important } }',
    '@import-not x; .url { } #url { } a { b: my-url }',
  ];
  for (const css of kept) t.equal(harmlessCss(css).replace(/\/\*\*\/$/, ''), css);
});

/** Every place where rrweb takes styles from a recording, with every trick in each. */
function recordingOf(tricks: readonly [string, string][]): RecordedEvent[] {
  let id = 100;
  const text = (textContent: unknown) => ({ type: 3, id: id++, textContent, isStyle: true });
  const element = (tagName: unknown, attributes: object, childNodes: object[] = [], more = {}) => ({
    ...{ type: 2, id: id++, tagName, attributes, childNodes },
    ...more,
  });
  const values = tricks.flatMap(([, css]) => /\{ (?:[a-z-]+: )?([^{}]*) \}$/.exec(css)?.[1] ?? []);
  const halves = (css: string) => [css.slice(0, css.length / 2), css.slice(css.length / 2)] as const;
  const within = tricks.flatMap(([, css]) => [
    element('style', {}, [text(css)]),
    element('style', {}, [text([css])]),
    element(
      'style',
      {},
      halves(css).map((half) => text(half)),
    ),
    element('style', { _cssText: css }),
    element('style', { _cssText: halves(css).join('/* rr_split */') }, [text(''), text('')]),
    element('link', { rel: 'stylesheet', _cssText: css }),
    element('svg:style', {}, [text(css)], { isSVG: true }),
  ]);
  const painted = values.flatMap((value) => [
    element('p', { style: `background: ${value}` }),
    element(
      'svg',
      {},
      [element('rect', { fill: value, filter: value, mask: [value] }, [], { isSVG: true })],
      {
        isSVG: true,
      },
    ),
  ]);
  const victims = tricks.map(() => [id++, id++] as const);
  const harmless = victims.map(([style, textId]) => ({
    ...{ type: 2, id: style, tagName: 'style', attributes: {} },
    childNodes: [{ type: 3, id: textId, textContent: 'b { color: red }' }],
  }));
  const body = element('body', {}, [...painted, element('i', {}, [text('played')])]);
  const html = element('html', {}, [element('head', {}, [...within, ...harmless]), body]);
  const root = { type: 0, id: 1, childNodes: [html] };
  const changes = tricks.flatMap(([, css], index) => {
    const [style, textId] = victims[index] ?? [];
    const value = values[index % values.length];
    const mutation = { source: 0, texts: [], attributes: [], removes: [], adds: [] };
    const [first, second] = halves(css);
    return [
      { ...mutation, texts: [{ id: textId, value: css }] },
      { ...mutation, adds: [{ parentId: style, nextId: null, node: text(first) }] },
      { ...mutation, adds: [{ parentId: style, nextId: null, node: text(second) }] },
      { ...mutation, adds: [{ parentId: body.id, nextId: null, node: element('style', {}, [text(css)]) }] },
      { ...mutation, attributes: [{ id: style, attributes: { _cssText: css } }] },
      {
        ...mutation,
        attributes: [{ id: body.id, attributes: { style: { background: value, mask: [value, ''] } } }],
      },
      { ...mutation, attributes: [{ id: body.id, attributes: { style: `background: ${value}` } }] },
      { source: 8, id: style, adds: [{ rule: css, index: 0 }] },
      { source: 8, id: style, adds: [{ rule: [css], index: 0 }] },
      { source: 13, id: style, index: [0], set: { property: 'background', value } },
      {
        source: 15,
        id: 1,
        styleIds: [index],
        styles: [{ styleId: index, rules: [{ rule: css, index: 0 }] }],
      },
      { source: 8, styleId: index, replaceSync: css },
      { source: 8, styleId: index, replace: css },
    ];
  });
  const played = {
    source: 0,
    texts: [],
    removes: [],
    adds: [],
    attributes: [{ id: body.id, attributes: { title: 'end' } }],
  };
  return [
    meta(NOON),
    picture(NOON + 1, root),
    ...[...changes, played].map((data, n) => change(NOON + 50 + n / 10, data)),
  ];
}

t.test(
  'a recording asks neither this collector nor anybody else, from wherever its styles come',
  async (t) => {
    const collector = await startCollector({ apps: apps('inventory') });
    const page = await browser.newPage();
    t.teardown(() => Promise.all([page.close(), collector.close()]));
    const foreign = hostileStyles((name) => `${origin}/${name}`);
    const own = hostileStyles((name) => `/v1/query/names?prefix=trick-${name}`);
    await uploadEvents(
      collector.url,
      { app: 'inventory', session: 's_1', seq: 1 },
      recordingOf([...foreign, ...own]),
    );
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    asked.clear();
    await page.goto(`${collector.url}/replay/inventory/s_1?t=${NOON + 10}`);
    const inner = page.frameLocator('.stage-frame').frameLocator('iframe').first();
    await inner.getByText('played').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Play' }).click();
    await inner.locator('body[title="end"]').waitFor({ state: 'attached' });
    t.ok((await inner.locator('style').count()) > foreign.length * 8, 'its styles are there');
    await page.waitForTimeout(300);
    t.same([...asked], [], 'nobody else was asked');
    t.same(
      requests.filter((url) => url.includes('trick-') || !url.startsWith(collector.url)),
      [],
      'nor was anything even tried',
    );
  },
);
