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

/** Milliseconds of scripts on the main thread per second of a page that is used; painting varies more than we cost. */
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

function median(figures: number[]): number {
  return figures.sort((a, b) => a - b)[figures.length >> 1] ?? 0;
}

const costs: number[] = [];
const busy: Record<string, number[]> = { '/bare': [], '/plain': [], '/recorded': [] };
// In turn, so that what else the machine does meets all alike.
for (let round = 0; round < ROUNDS; round++) {
  costs.push(await eventCostUs());
  for (const [path, figures] of Object.entries(busy)) figures.push(await busyMsPerS(path));
}
console.log(`capture(): ${median(costs).toFixed(0)} us an event`);
for (const [path, figures] of Object.entries(busy)) {
  console.log(`${path}: ${median(figures).toFixed(1)} ms of scripts a second`);
}
await site.close();
await collector.close();
await browser.close();
