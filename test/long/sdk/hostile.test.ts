/** Pages that are hostile, crowded or odd: the SDK breaks none of them, and loses nothing on them. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { launchBrowser } from '../../support/browser.js';
import { APP, KEY, startCollector } from '../../support/collector.js';
import { startSite } from '../../support/site.js';

declare const spyglass: {
  capture(name: string, props?: object): void;
  pageview(path?: string): void;
  report(comment?: string, options?: null): Promise<boolean>;
  setUser(user?: object | null): void;
  flush(): Promise<void>;
  stop(): void;
};
declare const document: {
  createElement(tag: string): Frame;
  body: { append(frame: Frame): void };
};
interface Frame {
  srcdoc: string;
  onload: () => void;
}

const browser = await launchBrowser();
t.teardown(() => browser.close());

/** A collector and an app, whose pages run `before`, a script, and then have the SDK. */
async function world(t: Test, { before = '', attributes = '', off = ['replay', 'report-button'] } = {}) {
  const collector = await startCollector();
  const tag = `<script src="${collector.url}/sdk/spyglass.js" data-app="${APP}" data-key="${KEY}" data-user-id="alice"
    ${attributes} data-web-vitals="false" ${off.map((name) => `data-${name}="false"`).join(' ')}></script>`;
  const site = await startSite((path) => ({
    body: `<!doctype html><title>App</title><h1>${path}</h1><a href="/next">next</a><script>${before}</script>${tag}`,
  }));
  const context = await browser.newContext();
  const errors: string[] = [];
  t.teardown(async () => {
    await context.close();
    await site.close();
    await collector.close();
  });
  const open = async () => {
    const page = await context.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(site.url);
    return page;
  };
  const events = async () => {
    const answer = await collector.get('/v1/query/events?limit=500');
    return ((await answer.json()) as { events: { name: string; session_id: string; type: string }[] }).events;
  };
  /** The names of all that is stored, in their order, once there are as many as should be and then some time. */
  const names = async (count: number) => {
    for (const until = Date.now() + 30_000; Date.now() < until; await sleep(100)) {
      if ((await events()).length >= count) break;
    }
    await sleep(300);
    return (await events()).map(({ name }) => name).sort();
  };
  return { collector, context, site, tag, open, events, names, errors };
}

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, at) => `${prefix}${at}`);

t.test('everything that is patched is frozen', async (t) => {
  const { open, names, errors } = await world(t, {
    before: `
      for (const [owner, name] of [[window, 'fetch'], [console, 'error'], [History.prototype, 'pushState'],
        [History.prototype, 'replaceState'], [XMLHttpRequest.prototype, 'open'], [XMLHttpRequest.prototype, 'send']]) {
        Object.defineProperty(owner, name, { value: owner[name], writable: false, configurable: false });
      }`,
  });
  const page = await open();
  await page.evaluate(async () => {
    spyglass.capture('own');
    await spyglass.flush();
    spyglass.stop();
  });
  t.same(await names(2), ['/', 'own']);
  t.same(errors, []);
});

t.test('a storage that is full', async (t) => {
  const { open, names, errors } = await world(t, {
    before: `
      for (let size = 4_000_000; size >= 1; size >>= 1) {
        for (;;) try { localStorage.setItem('fill' + Math.random(), 'x'.repeat(size)); } catch { break; }
      }`,
  });
  const page = await open();
  await page.evaluate(
    (names) => {
      for (const name of names) spyglass.capture(name, { text: 'x'.repeat(2_000) });
    },
    numbered('e', 45),
  );
  t.same(await names(46), ['/', ...numbered('e', 45)].sort());
  t.same(errors, []);
});

t.test('arguments that are none', async (t) => {
  const { open, names, errors } = await world(t, { off: ['replay', 'report-button', 'errors', 'network'] });
  const page = await open();
  const answers = await page.evaluate(async () => {
    spyglass.setUser();
    spyglass.setUser(null);
    spyglass.setUser({});
    spyglass.setUser({ id: 7 });
    spyglass.capture('of user 7', {
      toJSON() {
        throw new Error('never');
      },
    });
    spyglass.pageview('http://[');
    const answers = [await spyglass.report(undefined), await spyglass.report('broken', null)];
    await spyglass.flush();
    return answers;
  });
  t.same(answers, [true, true]);
  t.same(await names(5), ['/', 'broken', 'http://[', 'of user 7', 'undefined']);
  t.same(errors, []);
});

t.test('one session through links, reloads and back; another in a tab of its own', async (t) => {
  const { open, events, names } = await world(t);
  const page = await open();
  await page.click('a');
  await page.waitForURL('**/next');
  await page.reload();
  await page.goBack();
  await open();
  await names(5);
  const sessions = (await events()).map(({ session_id }) => session_id).reverse();
  t.equal(new Set(sessions).size, 2);
  t.equal(new Set(sessions.slice(0, 3)).size, 1);
});

t.test('many tabs that come and go at once', async (t) => {
  const { open, names, errors } = await world(t, {
    off: ['replay', 'report-button', 'pageviews', 'errors', 'network'],
  });
  const wanted: string[] = [];
  const pages = await Promise.all(Array.from({ length: 5 }, open));
  await Promise.all(
    pages.map(async (page, tab) => {
      const taken = numbered(`tab${tab} `, 33);
      wanted.push(...taken);
      await page.evaluate((names) => {
        for (const name of names) spyglass.capture(name);
      }, taken);
      if (tab % 2) await page.reload();
      else await page.close({ runBeforeUnload: true });
    }),
  );
  t.same(await names(wanted.length), wanted.sort());
  t.same(errors, []);
});

t.test('a frame without an address', async (t) => {
  const { open, names, tag, errors } = await world(t, {
    off: ['replay', 'report-button', 'errors', 'network'],
  });
  const page = await open();
  await page.evaluate((tag) => {
    const frame = document.createElement('iframe');
    frame.srcdoc = `${tag}<script>spyglass.capture('inside'); spyglass.pageview(); spyglass.flush()</script>`;
    return new Promise<void>((resolve) => {
      frame.onload = () => resolve();
      document.body.append(frame);
    });
  }, tag);
  t.same((await names(4)).filter((name) => name === 'inside' || name === '/').length, 2);
  t.same(errors, []);
});

t.test('an empty list of requests whose bodies to keep keeps none', async (t) => {
  const { collector, open, names } = await world(t, { attributes: 'data-network-bodies=""' });
  const page = await open();
  await page.evaluate(async () => {
    await fetch('/search', { method: 'POST', body: 'secret words' });
    await spyglass.flush();
  });
  t.ok((await names(2)).includes('POST /search'));
  t.notMatch(await (await collector.get('/v1/query/events')).text(), /secret words/);
});

t.test('what others have wrapped since is silent after a stop', async (t) => {
  const { open, names, errors } = await world(t);
  const page = await open();
  await page.evaluate(async () => {
    const ours = fetch;
    globalThis.fetch = (...request) => ours(...request);
    await fetch('/before');
    await spyglass.flush();
    spyglass.stop();
    for (let at = 0; at < 25; at++) await fetch('/after');
    await spyglass.flush();
  });
  t.same(await names(2), ['/', 'GET /before']);
  t.same(errors, []);
});
