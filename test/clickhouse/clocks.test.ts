/** Collectors on one engine whose clocks differ: what a sweep may delete is what the engine and most collectors agree on. */
import t from 'tap';
import { openClocks } from '../../src/clickhouse/clocks.js';
import type { Engine, Params } from '../../src/clickhouse/connect.js';
import { DAY_MS } from '../../src/domain/limits.js';

const NOW = Date.UTC(2026, 5, 14, 12);
const TODAY = NOW - (NOW % DAY_MS);
const MINUTE_MS = 60_000;

/** Collectors that are so far ahead of the engine's clock, each of which has noted its own. */
async function collectors(...aheadMs: number[]) {
  const notes: { token: string; at: number; ahead_ms: number }[] = [];
  let time = NOW;
  const engine = {
    async insert(_: string, rows: typeof notes) {
      notes.push(...rows);
    },
    database: 'd',
    async everywhere(sqlOf: (on: string) => string, { bound }: Params) {
      if (sqlOf('').includes('d.clocks'))
        notes.splice(
          0,
          notes.findIndex((note) => note.at >= Number(bound)),
        );
    },
    async query(sql: string, { since, bound }: Params) {
      if (bound !== undefined)
        return [{ rows: sql.includes('clocks') ? notes.filter(({ at }) => at < Number(bound)).length : 0 }];
      const latest = new Map(
        notes.filter((note) => note.at > Number(since)).map((note) => [note.token, note]),
      );
      return [...latest.values()].map(({ ahead_ms }) => ({ ahead: ahead_ms }));
    },
  } as unknown as Engine;
  const all = aheadMs.map((ahead) =>
    openClocks({ engine, now: () => time + ahead, engineNow: async () => time }),
  );
  for (const one of all) await one.note();
  const pass = (ms: number): void => {
    time += ms;
  };
  return { all, pass, notes };
}

/** What a collector with a retention of 30 days asks for by its own clock, so far ahead. */
const asked = (aheadMs: number) => {
  const now = NOW + aheadMs;
  return {
    eventsBefore: now - (now % DAY_MS) - 30 * DAY_MS,
    replaysBefore: now - (now % DAY_MS) - DAY_MS,
    now,
  };
};

t.test('the fastest deletes no more than the others would', async (t) => {
  const { all } = await collectors(0, 2_000, 400 * DAY_MS);
  const { eventsBefore = 0, replaysBefore = 0, now = 0 } = (await all[2]?.agreed(asked(400 * DAY_MS))) ?? {};
  t.equal(eventsBefore, TODAY - 30 * DAY_MS);
  t.equal(replaysBefore, TODAY - DAY_MS);
  t.equal(now, NOW);
  t.same(await all[0]?.agreed(asked(0)), asked(0), 'who is right goes on as before');
});

t.test('one that is alone with the engine goes by the engine', async (t) => {
  const { all } = await collectors(2 * DAY_MS + 5);
  const { eventsBefore = 0 } = (await all[0]?.agreed(asked(2 * DAY_MS + 5))) ?? {};
  t.ok(eventsBefore <= TODAY - 30 * DAY_MS);
  t.equal(all[0]?.aheadMs(), 2 * DAY_MS + 5);
});

t.test('where the engine itself is fast, the collectors hold it back', async (t) => {
  const { all } = await collectors(-3 * DAY_MS, -3 * DAY_MS, 0);
  const fast = (await all[2]?.agreed(asked(0))) ?? {};
  t.equal(fast.eventsBefore, TODAY - 33 * DAY_MS);
  t.same(await all[0]?.agreed(asked(-3 * DAY_MS)), asked(-3 * DAY_MS));
});

t.test('a little does not matter, and who is gone does not count', async (t) => {
  const { all, pass } = await collectors(MINUTE_MS, -9 * DAY_MS, -9 * DAY_MS);
  t.equal(await all[0]?.fastBy(), MINUTE_MS + 9 * DAY_MS);
  pass(11 * MINUTE_MS);
  t.equal(await all[0]?.fastBy(), 0);
});

t.test('what was noted more than a day ago is deleted, by the time of the engine', async (t) => {
  const { all, pass, notes } = await collectors(400 * DAY_MS, 0);
  pass(DAY_MS - 1);
  await all[0]?.note();
  await all[0]?.forget();
  t.equal(notes.length, 3);
  pass(2);
  await all[0]?.forget();
  t.equal(notes.length, 1);
});
