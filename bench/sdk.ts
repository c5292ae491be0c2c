/** `node dist/bench/sdk.js`: what the SDK costs a page, in main-thread time per event and per second of recording. */
import { launchBrowser } from '../test/support/browser.js';
import { APP, KEY, startCollector } from '../test/support/collector.js';
import { startSite } from '../test/support/site.js';

declare const spyglass: { capture(name: string, props: object): void };

const EVENTS = 2_000;
const RECORDED_MS = 10_000;
const ROUNDS = 3;

/** A page that is used: a list of 1,000 rows, of which 20 a second change. */
const BODY = `<ul id="list"></ul><script>
  list.innerHTML = Array.from({ length: 1000 }, (_, at) => '<li>row ' + at + ' <b>0</b></li>').join('');
  setInterval(() => { list.children[Math.random() * 1000 | 0].querySelector('b').textContent = Math.random(); }, 50);
</script>`;

const browser = await launchBrowser();
const collector = await startCollector();
const site = await startSite((path) => {
  const replay = path === '/recorded';
  const tag = `<script src="${collector.url}/sdk/spyglass.js" data-app="${APP}" data-key="${KEY}" data-user-id="alice"
    data-replay="${replay}"></script>`;
  return { body: `<!doctype html><title>Bench</title>${BODY}${path === '/bare' ? '' : tag}` };
});

/** Mean microseconds of a `capture` call, stored in the queue and now and then sent. */
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

/** Milliseconds the main thread is busy per second of a page that is used. */
async function busyMsPerS(path: string): Promise<number> {
  const page = await browser.newPage();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable');
  await page.goto(site.url + path);
  await page.waitForTimeout(2_000);
  const busyMs = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1_000;
  };
  const before = await busyMs();
  await page.waitForTimeout(RECORDED_MS);
  const spentMs = (await busyMs()) - before;
  await page.close();
  return (spentMs * 1_000) / RECORDED_MS;
}

async function median(measure: () => Promise<number>): Promise<number> {
  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round++) figures.push(await measure());
  return figures.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

console.log(`capture(): ${(await median(eventCostUs)).toFixed(0)} us an event`);
const bare = await median(() => busyMsPerS('/bare'));
for (const path of ['/plain', '/recorded']) {
  const more = (await median(() => busyMsPerS(path))) - bare;
  console.log(`${path}: ${more.toFixed(1)} ms a second more than the page alone (${bare.toFixed(1)} ms)`);
}
await site.close();
await collector.close();
await browser.close();
