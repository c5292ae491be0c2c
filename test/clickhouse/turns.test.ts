/** Reads on ClickHouse in turns: few at once, and one that nobody waits for is told so before its place is free. */
import t from 'tap';
import { openLanes, openTurns } from '../../src/clickhouse/turns.js';

const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

t.test('a read whose reader leaves ends, and its place is free', async (t) => {
  const turns = openTurns();
  const stops: (() => void)[] = [];
  const reads = Array.from({ length: 5 }, () =>
    t.rejects(turns.take({ reader: 'a', onLeave: (stop) => stops.push(stop) }, never), {
      name: 'ReadCancelled',
    }),
  );
  t.equal(turns.state().waiting, 1, 'four at once');
  const next = turns.take({ reader: 'b' }, async () => 'answered');
  t.equal(turns.state().waiting, 2);
  for (const stop of stops) stop();
  await Promise.all(reads);
  t.equal(await next, 'answered');
});

t.test('so does one that is late', async (t) => {
  const turns = openTurns(1);
  let ended = 0;
  // The timer of a read keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  t.teardown(() => clearInterval(alive));
  const late = (signal: AbortSignal) => never(signal).finally(() => ended++);
  await Promise.all(
    [1, 2, 3, 4].map(() => t.rejects(turns.take({ reader: 'a' }, late), { name: 'ReadTimeout' })),
  );
  t.equal(ended, 4);
});

t.test('what is quick does not wait behind what reads everything', async (t) => {
  const lanes = openLanes();
  const stops: (() => void)[] = [];
  const heavy = Array.from({ length: 6 }, () =>
    t.rejects(lanes.heavy.take({ reader: 'a', onLeave: (stop) => stops.push(stop) }, never)),
  );
  t.equal(await lanes.light.take({ reader: 'a' }, async () => 'an incident'), 'an incident');
  t.same(lanes.state(), { waiting: 2, refused: 0, deaths: 0 });
  for (const stop of stops) stop();
  await Promise.all(heavy);
});
