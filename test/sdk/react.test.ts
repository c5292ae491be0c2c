/** The React and Next.js helpers in a real browser, in strict mode, with the development build that runs effects twice. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, KEY, startCollector } from '../support/collector.js';
import { startSite } from '../support/site.js';
import { flushed, html, props, visit } from './pages.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const PAGE = `
  import { createElement as h, StrictMode, useEffect, useState } from 'react';
  import { createRoot } from 'react-dom/client';
  import { Spyglass } from './sdk/src/next/index.tsx';
  import { SpyglassErrorBoundary, SpyglassProvider, usePageview } from './sdk/src/react/index.tsx';
  import { spyglass } from './sdk/src/index.ts';

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
