/** The example shop, clicked through: every kind of event is stored, and the recording plays back to the same page. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, KEY, startCollector } from '../support/collector.js';
import type { ManifestAnswer } from '../support/rows.js';
import { eventsOf, until, visit } from './pages.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const collector = await startCollector();
t.teardown(() => collector.close());
const { shop, url } = await openShop();
t.teardown(() => shop.kill());
const browser = await launchBrowser();
t.teardown(() => browser.close());

/** Starts the shop as `npm run example` does and settles once it is open. */
async function openShop(): Promise<{ shop: ChildProcess; url: string }> {
  const args = [
    'examples/shop/serve.mjs',
    '--collector',
    collector.url,
    '--port',
    '0',
    '--app',
    APP,
    '--key',
    KEY,
  ];
  const shop = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(shop.stdout)) {
    const [url] = /http:\/\/\S+/.exec(line) ?? [];
    if (url !== undefined) return { shop, url };
  }
  throw new Error('the shop did not open');
}

/**
 * Each element of a page, with its attributes and text. Left out is what a recording leaves out: scripts, what is in the blocked
 * card, what is typed; masked text is as masked here as there. `:hover` is the player's own way to show the pointer.
 */
const SHAPE = `(body) => [...body.querySelectorAll('*:not(script, .card *)')].map((node) => {
  const attributes = [...node.attributes]
    .filter(({ name }) => !node.matches('.card') && name !== 'value')
    .map(({ name, value }) => name + '=' + (name === 'href' ? new URL(value, 'SHOP').href : value.replace(/ ?:hover/, '')))
    .filter((attribute) => attribute !== 'class=');
  const text = [...node.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data).join('|');
  return [node.localName, ...attributes.sort(), node.closest('.private') ? text.replace(/\\S/g, '*') : text.trim()].join(' ');
})`.replace('SHOP', url);

t.test('clicked through, it makes every kind of event, and plays back to the same page', async (t) => {
  const page = await visit(browser, url, 'networkidle');
  await page.click('text=Enamel mug');
  await page.click('text=Add to cart');
  await page.click('nav >> text=Cart');
  await page.click('text=Check out');
  await page.fill('[name=recipient]', 'Typed-Name');
  await page.fill('[name=password]', 'Typed-Password');
  await page.fill('[name=card]', 'Typed-Card');
  await page.click('text=Order and pay');
  await page.click('text=Back to the products');
  await page.click('nav >> text=Trouble');
  await page.click('text=Throw an error');
  await page.click('text=Report it');
  await page.waitForSelector('#notice:not(:empty)');
  t.equal(await page.textContent('#notice'), 'The report has arrived.');
  await page.evaluate(
    "history.pushState(null, '', '/checkout'); dispatchEvent(new PopStateEvent('popstate'))",
  );
  await page.fill('[name=recipient]', 'Typed-Again');
  const expected = await page.evaluate<string[]>(`(${SHAPE})(document.body)`);
  t.ok(
    expected.some((line) => line.startsWith('span class=private ** ***')),
    expected.join('\n'),
  );
  await page.evaluate('spyglass.flush()');
  const events = await until(async () => {
    const found = await eventsOf(collector.url, 'alice');
    return found.some(({ type }) => type === 'error') && found;
  });
  t.same([...new Set(events.map(({ type }) => type))].sort(), [
    'bug_report',
    'error',
    'event',
    'network',
    'pageview',
  ]);
  const session = events[0]?.session_id ?? '';
  const recorded = await until(async () => {
    const { chunks } = (await (
      await collector.get(`/v1/sessions/${session}/replay`)
    ).json()) as ManifestAnswer;
    const parts = await Promise.all(chunks.map(async ({ path }) => (await collector.get(path)).text()));
    const all = parts.flatMap((text) => JSON.parse(text) as object[]);
    await page.evaluate('spyglass.flush()');
    // The whole card is an empty box, and what is typed at the end are asterisks.
    return JSON.stringify(all).includes('"text":"***********"') && all;
  });
  t.notMatch(JSON.stringify(recorded), /Typed-|Harbour Lane/);
  await page.close();

  const { outputFiles } = await build({
    stdin: { contents: "export { Replayer } from '@rrweb/replay';", resolveDir: ROOT },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'replay',
  });
  const player = await browser.newPage();
  await player.setContent('<!doctype html><body></body>');
  await player.evaluate(`${outputFiles[0]?.text}; window.replay = replay;`);
  const shape = await player.evaluate(
    `(async (events) => {
      const replayer = new replay.Replayer(events, { root: document.body, mouseTail: false });
      replayer.pause(replayer.getMetaData().totalTime);
      await new Promise((done) => setTimeout(done, 200));
      return (${SHAPE})(replayer.iframe.contentDocument.body);
    })(${JSON.stringify(recorded)})`,
  );
  t.same(shape, expected);
  await player.close();
});
