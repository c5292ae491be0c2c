/** The made-up month: the same from the same seed, and believable. */
import { gunzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { startLive } from '../../src/demo/live.js';
import { type DemoBatch, type DemoSession, type MonthOptions, month } from '../../src/demo/month.js';
import { isRecorded, record } from '../../src/demo/recording.js';
import type { DemoEvent } from '../../src/demo/visit.js';
import { BATCH_ID_MAX, DAY_MS, SESSION_ID_MAX, USER_ID_MAX } from '../../src/domain/limits.js';

/** A Monday, mid-morning. */
const UNTIL = Date.UTC(2026, 10, 23, 9, 30);
const OPTIONS: MonthOptions = { seed: 1, users: 200, days: 28, until: UNTIL };
const SMALL: MonthOptions = { seed: 7, users: 20, days: 6, until: UNTIL };

function play(options: MonthOptions): { batches: DemoBatch[]; sessions: DemoSession[]; events: DemoEvent[] } {
  const days = [...month(options)];
  const batches = days.flatMap((day) => day.batches);
  return {
    batches,
    sessions: days.flatMap((day) => day.sessions),
    events: batches.flatMap(({ events }) => events),
  };
}

const whole = play(OPTIONS);

t.test('the same seed makes the same month, another seed another one', async (t) => {
  const text = (options: MonthOptions) => JSON.stringify(play(options));
  const [once, again, other] = [SMALL, { ...SMALL }, { ...SMALL, seed: 8 }].map(text);
  t.ok(once === again);
  t.ok(once !== other);
});

t.test('a later run makes the same batches again, so that only what is new is stored', async (t) => {
  const text = (batches: readonly DemoBatch[]) =>
    new Map(batches.map((batch) => [batch.batchId, JSON.stringify(batch)]));
  const today = text(play(SMALL).batches);
  const tomorrow = text(play({ ...SMALL, days: 7, until: UNTIL + DAY_MS }).batches);
  t.same(
    [...today.keys()].filter((id) => tomorrow.get(id) !== today.get(id)),
    [],
  );
  t.ok(tomorrow.size > today.size);
});

t.test('more people leave those there were as they are', async (t) => {
  const few = new Set(play(SMALL).sessions.map(({ id }) => id));
  const many = new Set(play({ ...SMALL, users: 30 }).sessions.map(({ id }) => id));
  t.ok([...few].every((id) => many.has(id)));
  t.ok(many.size > few.size);
});

t.test('every event keeps to the limits of the API, and lies between the first day and now', async (t) => {
  const ids = new Set(whole.batches.map(({ batchId }) => batchId));
  t.equal(ids.size, whole.batches.length, 'batch ids are unique');
  t.ok(whole.batches.every(({ batchId }) => batchId.length <= BATCH_ID_MAX));
  t.ok(whole.batches.every(({ events }) => events.length > 0 && events.length <= 20));
  const from = Math.floor(UNTIL / DAY_MS) * DAY_MS - OPTIONS.days * DAY_MS;
  const wrong = whole.events.filter(
    ({ ts, user_id, session_id, name }) =>
      ts < from ||
      ts > UNTIL ||
      user_id.length > USER_ID_MAX ||
      session_id.length > SESSION_ID_MAX ||
      name === '',
  );
  t.same(wrong, []);
});

t.test('every type of event occurs, and everybody has a name', async (t) => {
  t.same([...new Set(whole.events.map(({ type }) => type))].sort(), [
    'bug_report',
    'error',
    'event',
    'network',
    'pageview',
  ]);
  const named = new Map(
    whole.events.flatMap(({ user_id, user }) => (user?.name ? [[user_id, user.name]] : [])),
  );
  t.equal(named.size, new Set(whole.events.map(({ user_id }) => user_id)).size);
  t.ok(new Set(named.values()).size > 150, 'the names are not all alike');
});

t.test('people work on weekdays and by day', async (t) => {
  const weekday = (ts: number) => new Date(ts).getUTCDay();
  const weekend = whole.events.filter(({ ts }) => [0, 6].includes(weekday(ts))).length;
  t.ok(
    weekend > 0 && weekend < whole.events.length * 0.12,
    `${weekend} of ${whole.events.length} on weekends`,
  );
  const hours = new Map<number, number>();
  for (const { ts } of whole.events)
    hours.set(new Date(ts).getUTCHours(), (hours.get(new Date(ts).getUTCHours()) ?? 0) + 1);
  t.ok((hours.get(14) ?? 0) > 3 * (hours.get(4) ?? 0), 'the afternoon in Rotterdam, the morning in Chicago');
});

t.test('the invoice funnel leaks at every step', async (t) => {
  const steps = [
    'invoice_started',
    'invoice_lines_added',
    'invoice_reviewed',
    'invoice_created',
    'invoice_sent',
  ];
  const counts = steps.map((step) => whole.events.filter(({ name }) => name === step).length);
  for (const [index, count] of counts.entries()) {
    t.ok(count > 0 && (index === 0 || count < (counts[index - 1] ?? 0)), `${steps[index]}: ${count}`);
  }
});

t.test('errors come in bursts, and carry a stack of the app', async (t) => {
  const errors = whole.events.filter(({ type }) => type === 'error');
  const days = new Map<number, number>();
  for (const { ts } of errors)
    days.set(Math.floor(ts / DAY_MS), (days.get(Math.floor(ts / DAY_MS)) ?? 0) + 1);
  const counts = [...days.values()].sort((a, b) => a - b);
  const median = counts[Math.floor(counts.length / 2)] ?? 0;
  t.ok((counts.at(-1) ?? 0) > 3 * median, `worst day ${counts.at(-1)}, median ${median}`);
  for (const { name, props } of errors) {
    const stack = String(props?.stack);
    if (!stack.startsWith(`${name}\n    at `) || !(Number(props?.line) > 0)) t.fail(`not a stack: ${stack}`);
  }
});

t.test('some events arrive hours after they happened, and later ones of others before them', async (t) => {
  const late = whole.batches.filter(
    ({ arrivesAt, events }) => arrivesAt - (events.at(-1)?.ts ?? 0) > 3_600_000,
  );
  t.ok(late.length > 0 && late.length < whole.batches.length * 0.06, `${late.length} late batches`);
});

interface Recorded {
  type: number;
  timestamp: number;
  data: {
    node?: Node;
    source?: number;
    id?: number;
    positions?: { id: number }[];
    plugin?: string;
    adds?: { parentId: number; node: Node }[];
  };
}
interface Node {
  id: number;
  type: number;
  childNodes?: Node[];
}

t.test('recordings are whole rrweb documents with events that refer to their nodes', async (t) => {
  const recorded = whole.sessions.filter((session) => isRecorded(session, UNTIL));
  t.ok(recorded.length > 20, `${recorded.length} sessions`);
  for (const session of recorded.slice(0, 40)) {
    const chunks = record(session);
    t.same(
      chunks.map(({ seq }) => seq),
      chunks.map((_, index) => index + 1),
    );
    for (const chunk of chunks)
      checkChunk(t, chunk.ts, JSON.parse(gunzipSync(chunk.bytes).toString()) as Recorded[]);
  }
  const troubled = whole.sessions.find(({ events }) =>
    events.some(({ type, ts }) => type === 'error' && ts > UNTIL - 5 * DAY_MS),
  );
  t.ok(troubled && isRecorded(troubled, UNTIL), 'an incident of late has its replay');
});

function checkChunk(t: Test, ts: number, events: Recorded[]): void {
  const [meta, full, ...rest] = events;
  if (meta?.type !== 4 || full?.type !== 2 || meta.timestamp !== ts)
    return void t.fail('begins with the page');
  const ids = new Set<number>();
  const add = (node: Node) => {
    if (ids.has(node.id)) t.fail(`node ${node.id} twice`);
    ids.add(node.id);
    node.childNodes?.forEach(add);
  };
  if (full.data.node) add(full.data.node);
  let last = ts;
  for (const { type, data, timestamp } of rest) {
    const isConsole = type === 6 && data.plugin === 'rrweb/console@1';
    if ((type !== 3 && !isConsole) || timestamp < last)
      t.fail(`event of type ${type} at ${timestamp}, after ${last}`);
    last = timestamp;
    for (const { parentId, node } of data.adds ?? []) {
      if (!ids.has(parentId)) t.fail(`no parent ${parentId}`);
      add(node);
    }
    for (const id of [data.id, ...(data.positions ?? []).map((position) => position.id)]) {
      if (id !== undefined && !ids.has(id)) t.fail(`no node ${id}`);
    }
  }
}

t.test('live traffic gives each event once, in time, under batch ids of its own', async (t) => {
  const start = UNTIL;
  const live = startLive({ seed: 1, users: 20, start });
  const batches: DemoBatch[] = [];
  for (let now = start; now < start + 600_000; now += 1_000) {
    const due = live.due(now);
    t.ok(due.every(({ events }) => events.every(({ ts }) => ts <= now && ts > now - 1_000)));
    batches.push(...due);
  }
  t.equal(new Set(batches.map(({ batchId }) => batchId)).size, batches.length);
  t.ok(batches.length > 300, `${batches.length} batches in ten minutes`);
});
