/** `@spyglass/sdk/node`: a server's events reach the collector, also those of a process that is no more. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import type { createSpyglass as CreateSpyglass } from '../../sdk/src/node/index.js';
import { APP, KEY, startCollector, type TestCollector } from '../support/collector.js';

const entry = pathToFileURL(join(process.cwd(), 'sdk/dist/node.js')).href;
const { createSpyglass } = (await import(entry)) as { createSpyglass: typeof CreateSpyglass };

interface StoredEvent {
  type: string;
  name: string;
  user_id: string;
  session_id: string;
  url?: string;
  user?: object;
  props?: { stack?: string; kind?: string };
}

async function eventsOf(collector: TestCollector): Promise<StoredEvent[]> {
  const answer = await collector.get('/v1/query/events?limit=500');
  return ((await answer.json()) as { events: StoredEvent[] }).events.reverse();
}

t.test('events and errors, of whom and of which session they are said to be', async (t) => {
  const collector = await startCollector();
  t.teardown(collector.close);
  const spyglass = createSpyglass({ endpoint: `${collector.url}/`, app: APP, key: KEY });
  spyglass.capture('job_done', { rows: 3 });
  spyglass.captureError(new TypeError('no such row'), {
    user: { id: 'alice', name: 'Alice' },
    session: 's_browser',
    url: '/orders',
  });
  spyglass.captureError('thrown text');
  await spyglass.close();
  const [done, failed, text] = await eventsOf(collector);
  t.match(done, { type: 'event', name: 'job_done', user_id: 'server', props: { rows: 3 } });
  t.match(done?.session_id, /^server-/);
  t.match(failed, {
    type: 'error',
    name: 'TypeError: no such row',
    user_id: 'alice',
    session_id: 's_browser',
    url: '/orders',
    user: { name: 'Alice' },
    props: { kind: 'error', stack: /node\.test/ },
  });
  t.equal(text?.name, 'Error: thrown text');
});

t.test('what a process could not send the next one sends', async (t) => {
  const collector = await startCollector();
  t.teardown(collector.close);
  const folder = t.testdir();
  const first = createSpyglass({ endpoint: 'http://127.0.0.1:1', app: APP, key: KEY, folder });
  for (let at = 0; at < 25; at++) first.capture(`event ${at}`);
  await first.close();
  const files = readdirSync(folder).map((name) => join(folder, name));
  t.equal(files.length, 2);
  // As if it had ended two minutes ago.
  for (const file of files) {
    const [at, ...events] = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, [Number(at) - 120_000, ...events].join('\n'));
  }
  const second = createSpyglass({ endpoint: collector.url, app: APP, key: KEY, folder });
  while ((await eventsOf(collector)).length < 25) await sleep(50);
  await second.close();
  t.same(
    (await eventsOf(collector)).map(({ name }) => name),
    Array.from({ length: 25 }, (_, at) => `event ${at}`),
  );
  t.same(readdirSync(folder), []);
});

t.test('it throws for what it cannot do without, and then no more', async (t) => {
  t.throws(() => createSpyglass({ endpoint: '', app: APP, key: KEY }), TypeError);
  const spyglass = createSpyglass({ endpoint: 'http://127.0.0.1:1', app: APP, key: KEY });
  const cycle: Record<string, unknown> = {};
  cycle.cycle = cycle;
  spyglass.capture('cycle', cycle);
  spyglass.capture('number', { big: 10n });
  await spyglass.close();
});
