/** Hostile recordings and events in a real browser: nothing of them runs, asks anybody for anything, or leaves its frame. */
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import t from 'tap';
import { eachOf } from '../../../src/demo/delivery.js';
import { hostileHints } from '../../dashboard/hostile-pages.js';
import { change, meta, nowSaying, picture, type RecordedEvent, saying } from '../../dashboard/recordings.js';
import { event, NOON, store } from '../../support/http.js';
import { upload } from '../../support/replay.js';
import { flatten, shifted, type Tree } from './recorded-trees.js';

import {
  APP,
  asked,
  browser,
  collector,
  countAnew,
  evil,
  markup,
  newSession,
  PAGES,
  playing,
  said,
  toNodes,
  watch,
  whole,
} from './watched.js';

t.test('the cases are not harmless by themselves', async (t) => {
  t.ok(markup.length >= 40, `${markup.length} cases`);
  const context = await browser.newContext();
  const page = await context.newPage();
  // Without those that lead away from the page at once.
  const kept = markup.filter(([name]) => !name.startsWith('refresh') && name !== 'base');
  await page.setContent(kept.map(([, html]) => html).join('\n') + hostileHints(evil));
  await page.waitForTimeout(1_500);
  const ran = await page.evaluate<string[]>('window.pwned');
  for (const name of ['script', 'img-onerror', 'svg-onload', 'iframe-srcdoc', 'details', 'animation'])
    t.ok(ran.includes(name), `${name} runs`);
  for (const name of [
    'img-src',
    'picture',
    'stylesheet',
    'css-import',
    'css-background',
    'video',
    'iframe-src',
  ])
    t.ok(
      asked.some((url) => url.includes(`/${name}`)),
      `${name} asks`,
    );
  await context.close();
  // From here on nobody asks.
  countAnew(t);
});

t.test('a recorded page of all cases at once', async (t) => {
  const node = await toNodes(`<head>${hostileHints(evil)}</head><body>plays on ${whole}</body>`);
  const { page, assertHarmless } = await playing([
    meta(NOON),
    picture(NOON + 1, node),
    nowSaying(NOON + 9_000, 'x'),
  ]);
  t.match(await said(page), 'plays on', 'it shows');
  await page.mouse.click(400, 400);
  for (let tabs = 0; tabs < 40; tabs++) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate('document.activeElement?.localName')) === 'iframe')
      t.fail('the keyboard goes into the frame');
  }
  await assertHarmless(t);
});

t.test('each case by itself, added to a recorded page while it plays', async (t) => {
  const html = markup.map(([name, html]) => `<section title="${name}">${html}</section>`).join('');
  const tree = (await toNodes(`<body>${html}</body>`)) as { childNodes: { childNodes: Tree[] }[] };
  const [, body] = tree.childNodes[0]?.childNodes ?? [];
  const sections = body?.childNodes ?? [];
  t.equal(sections.length, markup.length, 'each in its section');
  const adds = sections.map((section, index) =>
    change(NOON + 10 + index * 5, {
      ...{ source: 0, texts: [], attributes: [], removes: [] },
      adds: flatten(shifted(section, 1_000), 4),
    }),
  );
  const { page, assertHarmless } = await playing([
    meta(NOON),
    picture(NOON + 1, saying('plays on')),
    ...adds,
  ]);
  t.match(await said(page), 'plays on');
  const count = await page.evaluate<number>(
    `document.querySelector('.stage-frame').contentDocument.querySelector('iframe').contentDocument.querySelectorAll('section').length`,
  );
  t.equal(count, markup.length, 'all were added');
  await assertHarmless(t);
});

t.test('changes that make harmless elements act', async (t) => {
  const page = await toNodes(
    '<head><style id="s">b { color: red }</style></head><body><img><a>x</a><iframe></iframe><svg><image/></svg><video></video><form></form><div>plays on</div></body>',
  );
  // Elements all; the text of the style sheet has the id 5, the body 6.
  const ids = [2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 15];
  const attributes = [
    { src: `${evil}/attribute-src.png`, onerror: 'top.pwned=1' },
    { href: 'javascript:top.pwned=1', onclick: 'top.pwned=1' },
    { srcdoc: '<script>top.pwned=1</script>', SRC: `${evil}/attribute-upper` },
    { 'xlink:href': `${evil}/attribute-xlink.png`, poster: `${evil}/attribute-poster.png` },
    { style: { background: `url(${evil}/attribute-style.png)` }, onload: 'top.pwned=1' },
    { style: `background: url(${evil}/attribute-style-text.png)` },
    { rr_dataURL: `${evil}/attribute-data-url.png`, srcset: `${evil}/attribute-srcset.png 1x` },
    { src: `\u0001 ${evil}/attribute-blank.png`, data: `${evil}/attribute-data` },
    { _cssText: `@import url(${evil}/attribute-css.css)` },
  ];
  const changes = attributes.map((attributes, index) =>
    change(NOON + 10 + index, {
      ...{ source: 0, texts: [], removes: [], adds: [] },
      attributes: ids.map((id) => ({ id, attributes })),
    }),
  );
  const rule = (text: string) =>
    ids.map((id) => change(NOON + 60, { source: 8, id, adds: [{ rule: text, index: 0 }] }));
  const others: RecordedEvent[] = [
    ...rule(`@import url(${evil}/rule-import.css)`),
    ...rule(`body { background: url(${evil}/rule-background.png) }`),
    ...ids.map((id) =>
      change(NOON + 61, { source: 8, id, replaceSync: `body { background: url(${evil}/replace-sync.png) }` }),
    ),
    ...ids.map((id) =>
      change(NOON + 62, {
        source: 13,
        id,
        index: [0],
        set: { property: 'background', value: `url(${evil}/declared.png)` },
      }),
    ),
    ...ids.map((id) =>
      change(NOON + 63, {
        ...{ source: 15, id, styleIds: [1] },
        styles: [{ styleId: 1, rules: [{ rule: `body { background: url(${evil}/adopted.png) }` }] }],
      }),
    ),
    change(NOON + 64, {
      ...{ source: 0, attributes: [], removes: [], adds: [] },
      texts: [{ id: 5, value: `@import url(${evil}/text.css); b { background: url(${evil}/text.png) }` }],
    }),
    ...ids.map((id) =>
      change(NOON + 65, {
        source: 9,
        id,
        type: 0,
        commands: [{ property: 'drawImage', args: [{ rr_type: 'Image', src: `${evil}/canvas.png` }] }],
      }),
    ),
    change(NOON + 66, {
      source: 10,
      family: 'x',
      fontSource: `url(${evil}/font.woff2)`,
      buffer: false,
      descriptors: {},
    }),
    ...ids.map((id) =>
      change(NOON + 67, { source: 7, id, type: 0, currentTime: 0, volume: 1, muted: false }),
    ),
    change(NOON + 68, { source: 16, define: { name: 'x-evil' } }),
    change(NOON + 68, {
      ...{ source: 0, texts: [], removes: [], adds: [] },
      attributes: [{ id: 6, attributes: { title: 'all of it was applied' } }],
    }),
    ...ids.map((id) => change(NOON + 69, { source: 2, type: 2, id, x: 1, y: 1 })),
  ];
  const { page: shown, assertHarmless } = await playing(
    [meta(NOON), picture(NOON + 1, page), ...changes, ...others],
    NOON + 5,
  );
  // One by one, as they happen, on the page's own elements.
  await shown.getByRole('button', { name: 'Play' }).click();
  const inner = shown.frameLocator('.stage-frame').frameLocator('iframe').first();
  await inner.locator('body[title="all of it was applied"]').waitFor({ state: 'attached' });
  await assertHarmless(t);
});

t.test('recordings that are none, or break off, or go on without end', async (t) => {
  const levels = 5_000;
  const div = (id: number) => `{"type":2,"id":${id},"tagName":"div","attributes":{},"childNodes":[`;
  const deep = Array.from({ length: levels }, (_, level) => div(10 + level)).join('') + ']}'.repeat(levels);
  const cases: [string, unknown][] = [
    ['no list', { type: 4 }],
    ['a list of anything', [null, 1, 'x', [], {}, { type: 2 }, { type: 2, timestamp: NOON, data: null }]],
    ['a picture of nothing', [meta(NOON), picture(NOON + 1, {})]],
    [
      'nodes that are none',
      [meta(NOON), picture(NOON + 1, { type: 0, id: 1, childNodes: [null, 7, { type: 99 }] })],
    ],
    ['a tree without end', [meta(NOON), picture(NOON + 1, { type: 0, id: 1, childNodes: ['DEEP'] })]],
    [
      'ids that mean something else',
      [
        meta(NOON),
        picture(NOON + 1, saying('x')),
        change(NOON + 2, {
          source: 0,
          adds: [
            {
              parentId: '__proto__',
              nextId: 'constructor',
              node: { type: 3, id: '__proto__', textContent: 'x' },
            },
          ],
          texts: [],
          attributes: [],
          removes: [{ parentId: 4, id: 4 }],
        }),
      ],
    ],
    [
      'a window of any size',
      [
        { type: 4, timestamp: NOON, data: { href: 1, width: '100%;x', height: 1e300 } },
        picture(NOON + 1, saying('x')),
      ],
    ],
    ['a change before any picture', [meta(NOON), nowSaying(NOON + 1, 'x')]],
  ];
  await eachOf(cases, PAGES, async ([name, events]) => {
    const session = await newSession();
    await upload(
      collector.url,
      { app: APP, session, seq: 1, ts: NOON },
      gzipSync(JSON.stringify(events).replace('"DEEP"', deep)),
    );
    const { page, assertHarmless } = await watch(`/replay/${APP}/${session}?t=${NOON + 500}`);
    await page.locator('.follow-row').first().waitFor();
    await page.waitForTimeout(300);
    t.ok(await page.locator('.player-bar').isVisible(), `${name}: the player is still there`);
    await assertHarmless(t);
  });
  const session = await newSession();
  await upload(collector.url, { app: APP, session, seq: 1, ts: NOON }, Buffer.from([0x1f, 0x8b, 8, 1, 2, 3]));
  const { page, assertHarmless } = await watch(`/replay/${APP}/${session}`);
  await page.getByText('This part of the recording is damaged').waitFor();
  t.equal(await page.locator('.banner').count(), 0, 'which is not a lost connection');
  await assertHarmless(t);
});

t.test(
  'what is taken out of a recording is all that could act, but for styles, which the frame holds',
  async (t) => {
    const { outputFiles } = await build({
      ...{ entryPoints: ['dashboard/src/player/harmless.ts'], bundle: true, format: 'esm', write: false },
    });
    const code = Buffer.from(outputFiles[0]?.contents ?? '').toString('base64');
    const { makeHarmless } = (await import(`data:text/javascript;base64,${code}`)) as {
      makeHarmless: (events: RecordedEvent[]) => RecordedEvent[];
    };
    const acts = /javascript:|"on\w+":|srcdoc|"SCRIPT"/i;
    for (const [name, html] of [...markup, ['hints', hostileHints(evil)] as const]) {
      const node = await toNodes(html);
      const before = JSON.stringify(node);
      const after = JSON.stringify(makeHarmless([picture(NOON, node)]));
      if (/<style|style="/.test(html)) continue;
      t.ok(before.includes(evil.replace(/^http:/, '')) || acts.test(before), `${name} could act`);
      t.notOk(after.includes(evil.replace(/^http:/, '')), `${name} asks for nothing`);
      t.notMatch(after, acts, `${name} runs nothing`);
    }
  },
);

// But for frames, to whose servers browsers connect before they ask the policy: a recording comes without their addresses.
t.test('the frame alone holds what a recording could bring', async (t) => {
  const whole = markup.flatMap(([name, html]) => (name === 'iframe-src' ? [] : [html])).join('');
  const { page, assertHarmless } = await watch('/errors');
  await page.evaluate(`new Promise((resolve) => {
    const outer = document.createElement('iframe');
    outer.sandbox = 'allow-same-origin';
    outer.src = '/assets/frame.html';
    outer.onload = () => {
      const inner = outer.contentDocument.createElement('iframe');
      inner.sandbox = 'allow-same-origin';
      outer.contentDocument.body.append(inner);
      inner.contentDocument.open();
      inner.contentDocument.write(${JSON.stringify(`<body>${whole}</body>`)});
      inner.contentDocument.close();
      resolve();
    };
    document.body.append(outer);
  })`);
  await page.waitForTimeout(1_000);
  await assertHarmless(t);
});

t.test('names, addresses, stacks, comments and props are text wherever they show', async (t) => {
  const text = `"'><img src=${evil}/text.png onerror="top.pwned=1"><script>top.pwned=1</script>{{7*7}}`;
  const address = 'javascript:top.pwned=1//';
  const props = {
    stack: `${text}\n    at ${text} (${address}:1:1)`,
    source: address,
    line: 1,
    [text]: { [text]: text },
    __html: text,
  };
  const hostile = {
    user_id: `u${text}`.slice(0, 200),
    session_id: `s${text}`.slice(0, 120),
    url: address,
    user: { name: text, email: address },
  };
  const ts = Date.now() - 60_000;
  await store(collector.url, APP, [
    event({ ...hostile, ts, type: 'error', name: text, props }),
    event({ ...hostile, ts, type: 'error', name: address, props: { stack: address } }),
    event({ ...hostile, ts, type: 'bug_report', name: text, props: { comment: text, severity: text } }),
    event({ ...hostile, ts, type: 'pageview', name: address, props: { title: text, referrer: address } }),
    event({
      ...hostile,
      ts,
      type: 'network',
      name: text,
      props: { method: text, url: address, status: 500, duration_ms: 5 },
    }),
    event({
      ...hostile,
      ts,
      type: 'event',
      name: '$replay_gap',
      props: { from: ts - 9_000, to: ts - 1_000, reason: text },
    }),
    event({ ...hostile, ts, name: text, props }),
  ]);
  const { groups } = (await (await collector.get('/v1/query/errors')).json()) as {
    groups: { group: string; last_event_id: number }[];
  };
  const [first] = groups;
  const session = encodeURIComponent(hostile.session_id);
  const user = encodeURIComponent(hostile.user_id);
  const paths = [
    '/live',
    '/users',
    `/users/${APP}/${user}`,
    '/errors',
    ...groups.map(({ group }) => `/errors/${group}`),
    '/replay',
    `/replay/${APP}/${session}`,
    `/incidents/${first?.last_event_id}`,
    `/incidents/${(first?.last_event_id ?? 0) + 2}`,
    '/insights',
    `/live?text=${encodeURIComponent(text)}&user=${user}`,
    `/errors?text=${encodeURIComponent(text)}&range=${encodeURIComponent(text)}&order=${encodeURIComponent(text)}`,
  ];
  await eachOf(paths, PAGES, async (path) => {
    const { page, assertHarmless } = await watch(path);
    await page.locator('main').waitFor();
    // The live view never comes to rest.
    await page.waitForLoadState('networkidle', { timeout: 1_500 }).catch(() => {});
    for (const summary of await page.locator('main details > summary').all())
      await summary.click({ timeout: 500 }).catch(() => {});
    t.equal(await page.locator('main img, main script').count(), 0, `${path}: no element of it`);
    await assertHarmless(t);
  });
});
