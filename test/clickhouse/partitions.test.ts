/** Events of many times: each insert touches few partitions, the newest first, and a retry completes what failed. */
import t from 'tap';
import type { Engine } from '../../src/clickhouse/connect.js';
import { insertEvents, PARTITIONS_MAX } from '../../src/clickhouse/partitions.js';
import { type EventRow, toRow } from '../../src/clickhouse/rows.js';
import { DAY_MS } from '../../src/domain/limits.js';

const HOUR_PARTS = { earlier: 'intDiv(hour, 720)', today: 'least(greatest(intDiv(hour, 2160), 219), 330)' };

/** An engine that keeps what it is sent; `failsAt` is the insert that fails, from 0. */
function fakeEngine(partitionKey: string, failsAt = -1) {
  const inserts: EventRow[][] = [];
  const queries: string[] = [];
  const engine = {
    database: 'd',
    async insert(_table: string, rows: EventRow[]) {
      if (inserts.length === failsAt) throw new Error('the engine is away');
      inserts.push(rows);
    },
    async query(sql: string) {
      queries.push(sql);
      return [{ partition_key: partitionKey }, { partition_key: '' }];
    },
  };
  return { engine: engine as unknown as Engine, inserts, queries };
}

const rowsEvery = (stepMs: number, from: number, count: number): EventRow[] =>
  Array.from({ length: count }, (_, idx) =>
    toRow(
      'inventory',
      { ts: from + idx * stepMs, user_id: 'u', session_id: 's', type: 'event', name: 'n' },
      idx + 1,
      { batch: 'b', idx },
    ),
  );

/** What the engine makes of an hour, by its own key. */
const partitionOf = (key: string, { hour }: EventRow): number =>
  key === HOUR_PARTS.earlier
    ? Math.floor(hour / 720)
    : Math.min(Math.max(Math.floor(hour / 2_160), 219), 330);

const NOW = Date.UTC(2026, 10, 30);
/** From 1970 to 2079, 10 days apart. */
const SPREAD = rowsEvery(10 * DAY_MS, 1, 4_000);

for (const key of Object.values(HOUR_PARTS)) {
  t.test(`4,000 events of 110 years, partitioned by ${key}`, async (t) => {
    const { engine, inserts } = fakeEngine(key);
    await insertEvents(engine, SPREAD);
    t.ok(inserts.length > 1);
    for (const rows of inserts) {
      const partitions = new Set(rows.map((row) => partitionOf(key, row)));
      t.ok(partitions.size <= PARTITIONS_MAX, `an insert touches ${partitions.size} partitions`);
    }
    const newest = inserts.map((rows) => Math.max(...rows.map(({ hour }) => hour)));
    t.same(
      newest,
      newest.toSorted((a, b) => b - a),
      'the newest come first',
    );
    t.same(
      inserts
        .flat()
        .map(({ idx }) => idx)
        .sort((a, b) => a - b),
      SPREAD.map(({ idx }) => idx),
      'each once',
    );
  });
}

t.test('events of 27 years touch few partitions of a new database', async (t) => {
  const { engine, inserts } = fakeEngine(HOUR_PARTS.today);
  const from = Date.UTC(2000, 0, 1);
  await insertEvents(engine, rowsEvery((NOW - from) / 4_000, from, 4_000));
  t.equal(inserts.length, 1);
});

t.test('an ordinary batch is one insert, and asks nothing', async (t) => {
  const { engine, inserts, queries } = fakeEngine(HOUR_PARTS.today);
  await insertEvents(engine, rowsEvery(1_000, NOW, 100));
  t.same([inserts.length, queries.length], [1, 0]);
});

t.test('after a failed insert no other follows, and the failure is told', async (t) => {
  const { engine, inserts } = fakeEngine(HOUR_PARTS.earlier, 2);
  await t.rejects(insertEvents(engine, SPREAD), { message: 'the engine is away' });
  t.equal(inserts.length, 2);
});
