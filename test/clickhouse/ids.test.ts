/** Ids without coordination: unique and ascending, whatever the clock does, and apart from the embedded engine's. */
import t from 'tap';
import { createIds, EMBEDDED_ID_END, leastIdAt, NODES, timeOfId } from '../../src/clickhouse/ids.js';
import { consecutiveIds } from '../support/clickhouse/ids.js';

const NOW = Date.UTC(2026, 10, 24, 12);
const ascends = (ids: readonly number[]) =>
  ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? 0));

t.test('they ascend through a burst and through a clock that is set back', async (t) => {
  let now = NOW;
  const ids = createIds(
    () => 5,
    () => now,
  );
  const first = ids.take(10_000);
  now -= 3_600_000;
  const second = ids.take(3);
  now += 7_200_000;
  const third = ids.take(3);
  t.ok(ascends([...first, ...second, ...third]));
  t.equal(timeOfId(first[0] ?? 0), NOW);
  t.equal(timeOfId(third[0] ?? 0), NOW + 3_600_000);
});

t.test('two collectors never give the same one, nor the embedded engine', async (t) => {
  const given = new Set<number>();
  for (const node of [0, 1, 63, NODES - 1])
    for (const id of createIds(
      () => node,
      () => NOW,
    ).take(1_000))
      given.add(id);
  t.equal(given.size, 4_000);
  t.ok([...given].every((id) => Number.isSafeInteger(id) && id >= EMBEDDED_ID_END));
  t.ok(
    createIds(
      () => NODES - 1,
      () => Date.UTC(2058, 9, 1),
    )
      .take(1)
      .every(Number.isSafeInteger),
  );
  t.throws(() => createIds(() => NODES).take(1));
});

t.test('a moment divides what was given before it from what comes after', async (t) => {
  for (const node of [0, NODES - 1]) {
    const [before = 0] = createIds(
      () => node,
      () => NOW - 1,
    ).take(1);
    const [after = 0] = createIds(
      () => node,
      () => NOW,
    ).take(1);
    t.ok(before < leastIdAt(NOW) && leastIdAt(NOW) <= after);
  }
});

t.test('imported ids are the embedded engine’s', async (t) => {
  t.same(createIds(() => 0).import(7, 2), [7, 8]);
  t.throws(() => createIds(() => 0).import(EMBEDDED_ID_END, 1), RangeError);
  const ids = consecutiveIds(4);
  t.same([ids.take(2), ids.import(9, 2), ids.take(1)], [[5, 6], [9, 10], [11]]);
  t.throws(() => ids.import(11, 1), RangeError);
});
