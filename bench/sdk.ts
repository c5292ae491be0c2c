/**
 * `node dist/bench/sdk.js`: the SDK's cost in main-thread time: per event, per second of recording, and at once for a large page or
 * a burst of changes.
 */
import { launchBrowser } from '../test/support/browser.js';
import { APP, KEY, startCollector } from '../test/support/collector.js';
import { startSite } from '../test/support/site.js';
import { median } from './report.js';

declare const spyglass: { capture(name: string, props: object): void };

const EVENTS = 2_000;
const RECORDED_MS = 10_000;
const ROUNDS = 3;

/** A page in use: a list of 1,000 rows, 20 of which change each second. */
const BODY = `<ul id="list"></ul><script>
  list.innerHTML = Array.from({ length: 1000 }, (_, at) => '<li>row ' + at + ' <b>0</b></li>').join('');
  setInterval(() => { list.children[Math.random() * 1000 | 0].querySelector('b').textContent = Math.random(); }, 50);
</script>`;

/** A page with this many elements that never changes by itself. */
const LARGE = /^\/large-(\d+)$/;
const BURST_NODES = 10_000;
const SETTLED_MS = 6_000;

const browser = await launchBrowser();
const collector = await startCollector();
const site = await startSite((path) => {
  const replay = path === '/recorded' || LARGE.test(path);
  const [, elements] = LARGE.exec(path) ?? [];
  const tag = `<script src="${collector.url}/sdk/spyglass.js" data-app="${APP}" data-key="${KEY}" data-user-id="alice"
    data-replay="${replay}"></script>`;
  const body =
    elements === undefined
      ? BODY
      : `<div id="list"></div><script>
          list.innerHTML = '<div class="row"><span title="x">cell</span><b>v</b><input></div>'.repeat(${Number(elements) / 4});
        </script>`;
  return { body: `<!doctype html><title>Bench</title>${body}${path === '/bare' ? '' : tag}` };
});

/** Mean time of a `capture` call, µs; events are queued and sometimes sent. */
async function eventCostUs(): Promise<number> {
  const page = await browser.newPage();
  await page.goto(`${site.url}/plain`);
  const ms = await page.evaluate(async (events) => {
    let spentMs = 0;
    for (let at = 0; at < events; at++) {
      const start = performance.now();
      spyglass.capture('invoice_created', { amount: at, currency: 'EUR', items: ['a', 'b', 'c'] });
      spentMs += performance.now() - start;
      if (at % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return spentMs;
  }, EVENTS);
  await page.close();
  return (ms * 1_000) / EVENTS;
}

/** Script time on the main thread, ms per second of a page in use; painting varies more than the SDK costs. */
async function busyMsPerS(path: string): Promise<number> {
  const page = await browser.newPage();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  await page.goto(site.url + path);
  await page.waitForTimeout(2_000);
  const busyMs = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? 0) * 1_000;
  };
  const before = await busyMs();
  await page.waitForTimeout(RECORDED_MS);
  const spentMs = (await busyMs()) - before;
  await page.close();
  return (spentMs * 1_000) / RECORDED_MS;
}

/** Script time on the main thread, ms, while `act` happens and for some seconds after, and the longest task. */
async function atOnce(path: string, act: string): Promise<{ scriptMs: number; longestMs: number }> {
  const page = await browser.newPage();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  const scriptMs = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? 0) * 1_000;
  };
  let before = await scriptMs();
  await page.goto(site.url + path);
  if (act !== '') {
    await page.waitForTimeout(SETTLED_MS);
    before = await scriptMs();
  }
  const longestMs = await page.evaluate<number>(`new Promise((done) => {
    let longestMs = 0;
    const buffered = ${act === ''};
    new PerformanceObserver((tasks) => {
      for (const { duration } of tasks.getEntries()) longestMs = Math.max(longestMs, duration);
    }).observe({ type: 'longtask', buffered });
    ${act}
    setTimeout(() => done(longestMs), ${SETTLED_MS});
  })`);
  const spentMs = (await scriptMs()) - before;
  await page.close();
  return { scriptMs: spentMs, longestMs };
}

const BURST = `for (let i = 0; i < ${BURST_NODES}; i += 1) {
  const line = document.createElement('p'); line.textContent = 'line ' + i; list.append(line);
}`;

const costs: number[] = [];
const busy: Record<string, number[]> = { '/bare': [], '/plain': [], '/recorded': [] };
// In turn, so that other work on the machine affects all pages.
for (let round = 0; round < ROUNDS; round++) {
  costs.push(await eventCostUs());
  for (const [path, figures] of Object.entries(busy)) figures.push(await busyMsPerS(path));
}
console.log(`capture(): ${median(costs).toFixed(0)} us an event`);
for (const [path, figures] of Object.entries(busy)) {
  console.log(`${path}: ${median(figures).toFixed(1)} ms of scripts a second`);
}
for (const [name, path, act] of [
  ['a page of 5,000 elements', '/large-5000', ''],
  ['a page of 19,000 elements', '/large-19000', ''],
  ['a page of 24,000 elements, given up', '/large-24000', ''],
  [`a burst of ${BURST_NODES} nodes`, '/large-40', BURST],
  ['the same without the SDK', '/bare', BURST],
] as const) {
  const runs = [];
  for (let round = 0; round < ROUNDS; round++) runs.push(await atOnce(path, act));
  const scriptMs = median(runs.map(({ scriptMs }) => scriptMs));
  const longestMs = median(runs.map(({ longestMs }) => longestMs));
  console.log(`${name}: ${scriptMs.toFixed(0)} ms of scripts, ${longestMs.toFixed(0)} ms the longest task`);
}
await site.close();
await collector.close();
await browser.close();
