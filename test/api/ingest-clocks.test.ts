/** What `POST /v1/events` makes of the clocks of its clients. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import {
  apps,
  DAY,
  event,
  get,
  HOUR,
  keyOf,
  MINUTE,
  postEvents,
  problemOf,
  SECOND,
  store,
} from '../support/http.js';
import type { EventRow, EventsAnswer } from '../support/rows.js';

const MAX_TS = 2 ** 48 - 1;
const Y2K = Date.UTC(2000, 0);
const c = await startCollector({ apps: apps('inventory') });
t.teardown(() => c.close());

/** Sends events with the times given, and returns them as stored, in the order sent, and when it was. */
let users = 0;
async function stored(times: readonly (number | null | undefined)[], envelope: object = {}) {
  const user_id = `clock_${++users}`;
  const before = Date.now();
  await store(
    c.url,
    'inventory',
    times.map((ts) => event({ user_id, ts })),
    envelope,
  );
  const after = Date.now();
  const { events } = await get<EventsAnswer>(c.url, `/v1/query/events?user=${user_id}`);
  const rows = events.sort((a, b) => a.id - b.id);
  const [first] = rows;
  if (!first) throw new Error('nothing was stored');
  return { rows, first, before, after };
}

/** Whether a time lies between two others. */
const within = (time: number | undefined, from: number, to: number) =>
  time !== undefined && time >= from && time <= to;
const differences = (rows: readonly EventRow[]) => rows.map((row) => row.ts - (rows[0]?.ts ?? 0));

t.test('CLK-01 CLK-05 a clock over a minute off shifts every event by the difference', async (t) => {
  for (const off of [-20 * 365 * DAY, -3 * HOUR, -61 * SECOND, 61 * SECOND, 3 * HOUR, 400 * DAY]) {
    const sent_at = Date.now() + off;
    const times = [sent_at, sent_at - 5 * SECOND, sent_at - 2 * DAY, sent_at + 700];
    const { rows, before, after } = await stored(times, { sent_at });
    t.ok(within(rows[0]?.ts, before, after), `off by ${off}: ${rows[0]?.ts} within ${before} and ${after}`);
    t.same(differences(rows), [0, -5 * SECOND, -2 * DAY, 700], 'distances are kept');
    t.same(
      rows.map((row) => row.client_ts),
      times,
      'what the client said',
    );
  }
});

t.test('CLK-02 CLK-05 a clock within a minute shifts nothing', async (t) => {
  for (const off of [-58 * SECOND, 0, 58 * SECOND]) {
    const sent_at = Date.now() + off;
    const { rows } = await stored([sent_at - 7, Y2K], { sent_at });
    t.same(
      rows.map((row) => row.ts),
      [sent_at - 7, Y2K],
    );
    t.notOk(rows.some((row) => 'client_ts' in row));
  }
});

t.test(
  'CLK-03 CLK-04 CLK-05 a time that cannot be becomes the time of receipt, with a sent_at too',
  async (t) => {
    const now = Date.now();
    const sentAts = [null, now, now - 30 * SECOND, now - 3 * HOUR, now + 3 * HOUR];
    for (const sent_at of sentAts) {
      const shift = sent_at !== null && Math.abs(now - sent_at) > MINUTE ? now - sent_at : 0;
      for (const ts of [
        now + HOUR + 60 * SECOND,
        now + 400 * DAY,
        now / 1_000,
        Y2K - 60 * SECOND,
        1 + shift,
      ]) {
        const { first, before, after } = await stored([Math.floor(ts - shift)], { sent_at });
        t.ok(within(first.ts, before, after), `${ts} with ${sent_at}`);
        t.equal(first.client_ts, Math.floor(ts - shift), 'what the client said');
      }
      for (const ts of [Y2K + 60 * SECOND, now - 400 * DAY, now + MINUTE, now + HOUR - 60 * SECOND]) {
        const { first } = await stored([ts - shift], { sent_at });
        t.ok(Math.abs(first.ts - ts) < 30 * SECOND, `${ts} stays with ${sent_at}`);
        t.equal(first.client_ts, shift === 0 ? undefined : ts - shift);
      }
    }
    const { rows } = await stored([now - 5, now + 2 * HOUR, now - 6]);
    t.same([rows[0]?.ts, rows[2]?.ts], [now - 5, now - 6], 'the others of the body stay');
  },
);

t.test('CLK-06 an event without a time in a shifted request has the time of receipt', async (t) => {
  const sent_at = Date.now() - DAY;
  const { rows, before, after } = await stored([0, null, undefined], { sent_at });
  for (const row of rows) {
    t.ok(within(row.ts, before, after));
    t.notOk('client_ts' in row, 'the client said nothing');
  }
});

t.test('CLK-07 no shift takes a time out of its bounds', async (t) => {
  const extremes = [
    { ts: 1, sent_at: Date.now() + 400 * DAY },
    { ts: MAX_TS, sent_at: 1 },
    { ts: MAX_TS, sent_at: MAX_TS },
    { ts: 1, sent_at: MAX_TS },
  ];
  for (const { ts, sent_at } of extremes) {
    const body = {
      app: 'inventory',
      key: keyOf('inventory'),
      sent_at,
      events: [event({ ts, user_id: 'extreme' })],
    };
    const { status, text } = await postEvents(c.url, body);
    t.ok(status === 204 || status === 400, `ts ${ts}, sent_at ${sent_at}: ${status} ${text}`);
  }
  const { events } = await get<EventsAnswer>(c.url, '/v1/query/events?user=extreme');
  for (const { ts } of events) t.ok(within(ts, Y2K, Date.now() + HOUR), `${ts}`);
});

t.test('CLK-08 a sent_at that is no time is refused', async () => {
  for (const sent_at of [-1, 1.5, 2 ** 48, '1718200000000', true, {}, []]) {
    const body = { app: 'inventory', key: keyOf('inventory'), events: [event()], sent_at };
    problemOf(await postEvents(c.url, body), 400);
  }
});
