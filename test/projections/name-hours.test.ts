/** Top names of ranges that cut an hour with more events than a block holds, against a count over all events. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { EventType, NewEvent } from '../../src/domain/event.js';
import { DAY_MS } from '../../src/domain/limits.js';
import { openEnv } from '../../src/log/file/env.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';

const MIDNIGHT = Date.UTC(2026, 2, 1);
const HOUR_MS = 3_600_000;
const EVENTS = 3_000;
const APP = 'inventory';

/** Three hours before noon, out of order within each batch, of several names and types. */
const events: NewEvent[] = Array.from({ length: EVENTS }, (_, index) => ({
  ts: MIDNIGHT + 9 * HOUR_MS + Math.floor(index * 3_600 + ((index * 7_919) % 3_500)),
  user_id: 'alice',
  session_id: 's_1',
  type: (['event', 'pageview', 'event', 'network'] as EventType[])[index % 4] ?? 'event',
  name: `name_${index % 7}`,
}));

const topOf = (type: EventType, from: number, to: number) => {
  const counts = new Map<string, number>();
  for (const event of events) {
    if (event.type === type && event.ts >= from && event.ts <= to)
      counts.set(event.name, (counts.get(event.name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
};

t.test('hours that bounds cut', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-hours-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const store = await openLmdbStore({ dataDir });
  // Groups of many sizes, so that blocks are filled in every way.
  for (let at = 0, size = 1; at < EVENTS; at += size, size = (size * 5) % 701) {
    await store.append([{ app: APP, receivedAt: MIDNIGHT, events: events.slice(at, at + size) }]);
  }
  const first = MIDNIGHT + 9 * HOUR_MS;
  const bounds = [first, first + 1, first + HOUR_MS - 1, first + HOUR_MS, first + 1.5 * HOUR_MS];
  bounds.push(first + 2 * HOUR_MS, first + 2.7 * HOUR_MS, first + 3 * HOUR_MS - 1, first + 3 * HOUR_MS);
  for (const from of bounds) {
    for (const to of bounds.filter((bound) => bound >= from)) {
      const found = await store.ask('aggregates', { from, to, limit: 100 });
      const range = `${from - first} to ${to - first} ms`;
      t.strictSame(found.top_events, topOf('event', from, to), `events, ${range}`);
      t.strictSame(found.top_pages, topOf('pageview', from, to), `pages, ${range}`);
    }
  }
  await store.close();
  const report = await verifyStore(dataDir, () => {});
  t.equal(report.problem, undefined, 'a rebuild makes the same');

  const swept = await openLmdbStore({ dataDir, now: () => MIDNIGHT + 3 * DAY_MS });
  await swept.sweep({ eventsBefore: MIDNIGHT + DAY_MS });
  await swept.close();
  const env = openEnv(dataDir, { mode: 'read' });
  t.equal(env.table('hour_times').entryCount() + env.table('hour_counts').entryCount(), 0, 'days go whole');
  await env.close();
});
