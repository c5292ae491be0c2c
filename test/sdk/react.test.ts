/**
 * The React and Next.js helpers, bundled as an app bundles the package: on a server, and in a real browser, in strict mode, with the
 * development build that runs effects twice.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { type ComponentType, createElement } from 'react';
import { renderToString } from 'react-dom/server';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, KEY, startCollector } from '../support/collector.js';
import { startSite } from '../support/site.js';
import { flushed, html, props, visit } from './pages.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const PAGE = `
  import { createElement as h, StrictMode, useEffect, useState } from 'react';
  import { createRoot } from 'react-dom/client';
  import { Spyglass } from '@spyglass/sdk/next';
  import { SpyglassErrorBoundary, SpyglassProvider, usePageview } from '@spyglass/sdk/react';
  import { spyglass } from '@spyglass/sdk';

  window.spyglass = spyglass;
  const quiet = { replay: false, reportButton: false, webVitals: false, network: false };
  const options = (id, more) => ({ endpoint: ENDPOINT, app: '${APP}', key: '${KEY}', user: { id }, ...quiet, ...more });
  const root = createRoot(document.querySelector('#app'));

  function Child({ fails }) {
    useEffect(() => { if (!fails) spyglass.capture('child_shown'); }, [fails]);
    if (fails) throw new RangeError('the child failed');
    return h('p', null, 'child');
  }
  function Route({ path }) { usePageview(path); return null; }
  function App() {
    const [{ path, fails, id }, set] = useState({ path: '/orders/:id', fails: false, id: 'rae' });
    window.set = (more) => set((state) => ({ ...state, ...more }));
    return h(SpyglassProvider, { options: options(id, { pageviews: false }) },
      h(Route, { path }),
      h(SpyglassErrorBoundary, { fallback: (error, retry) => h('button', { onClick: () => { set((s) => ({ ...s, fails: false })); retry(); } }, 'Again: ' + error.message) },
        h(Child, { fails })));
  }
  window.startReact = () => root.render(h(StrictMode, null, h(App)));
  window.startNext = () => root.render(h(StrictMode, null, h(Spyglass, { options: options('nina') }, h('p', null, 'page'))));
`;

const collector = await startCollector();
t.teardown(() => collector.close());
const bundle = await build({
  stdin: { contents: PAGE, resolveDir: ROOT, loader: 'js' },
  bundle: true,
  write: false,
  format: 'iife',
  define: { 'process.env.NODE_ENV': '"development"', ENDPOINT: JSON.stringify(collector.url) },
  plugins: [
    {
      name: 'next',
      setup: ({ onResolve, onLoad }) => {
        onResolve({ filter: /^next\/navigation$/ }, () => ({ path: 'next', namespace: 'stub' }));
        onLoad({ filter: /.*/, namespace: 'stub' }, () => ({
          contents: 'export const usePathname = () => location.pathname;',
        }));
      },
    },
  ],
});
const script = bundle.outputFiles[0]?.text ?? '';
const site = await startSite((path) =>
  path === '/app.js'
    ? { type: 'text/javascript; charset=utf-8', body: script }
    : { body: html('', '<div id="app"></div><script src="/app.js"></script>') },
);
t.teardown(() => site.close());
const browser = await launchBrowser();
t.teardown(() => browser.close());

t.test('strict mode: started once, one pageview a route, an error that React caught once', async (t) => {
  const page = await visit(browser, `${site.url}/shop`);
  await page.evaluate('startReact()');
  await page.waitForSelector('p');
  await page.evaluate("set({ path: '/cart' })");
  await page.evaluate('set({ fails: true })');
  await page.click('text=Again: the child failed');
  await page.waitForSelector('p');
  const events = await flushed(page, collector.url, 'rae');
  const count = (name: string) => events.filter((event) => event.name === name).length;
  t.same(
    events.filter(({ type }) => type === 'pageview').map(({ name }) => name),
    ['/orders/:id', '/cart'],
  );
  t.ok(count('child_shown') >= 1, 'effects of children find it started');
  t.equal(new Set(events.map(({ session_id }) => session_id)).size, 1);
  const errors = events.filter(({ name }) => name === 'RangeError: the child failed');
  t.equal(errors.length, 1);
  t.equal(props(errors[0]).kind, 'react');
  await page.evaluate("set({ id: 'ron' })");
  await page.evaluate("spyglass.capture('as_ron')");
  t.same((await flushed(page, collector.url, 'ron')).map(({ name }) => name).includes('as_ron'), true);
  await page.close();
});

t.test('Next.js: one pageview a route', async (t) => {
  const page = await visit(browser, `${site.url}/next`);
  await page.evaluate('startNext()');
  await page.waitForSelector('p');
  const events = await flushed(page, collector.url, 'nina');
  t.same(
    events.map(({ type, name }) => [type, name]),
    [['pageview', '/next']],
  );
  await page.close();
});

t.test('on a server the helpers render what they are around, and nothing else', async (t) => {
  const { SpyglassErrorBoundary, SpyglassProvider } = (await import(
    pathToFileURL(`${ROOT}sdk/dist/react.js`).href
  )) as Record<string, ComponentType<Record<string, unknown>>>;
  if (!SpyglassErrorBoundary || !SpyglassProvider) throw new Error('the package has no helpers');
  const options = { endpoint: collector.url, app: APP, key: KEY, user: { id: 'sue' } };
  const page = createElement(SpyglassErrorBoundary, null, createElement('p', null, 'page'));
  t.equal(renderToString(createElement(SpyglassProvider, { options }, page)), '<p>page</p>');
});
