/** The filter of events: what passes it is the same for an event, for the columns of a batch, and for a condition in SQL. */
import fc from 'fast-check';
import t from 'tap';
import { EVENT_TYPES, type StoredEvent, typeCode } from '../../src/domain/event.js';
import {
  type Condition,
  type EventFilter,
  matches,
  mayMatch,
  toColumnFilter,
  toCondition,
} from '../../src/questions/filter.js';

/** Some of these no event has; some would end a text in SQL, or say something in it. */
const APPS = ['inventory', 'shop', "' OR 1 --", 'nobody'];
const USERS = ['alice', 'bob', '{app:String}', 'nobody'];
const SESSIONS = ['s_1', 's_2', ') AND (1', 'nobody'];

const among = (choices: readonly string[]) => fc.constantFrom(...choices.slice(0, -1));
const events = fc.array(
  fc.record({
    app: among(APPS),
    user_id: among(USERS),
    session_id: among(SESSIONS),
    type: fc.constantFrom(...EVENT_TYPES),
  }),
  { maxLength: 12 },
);
const filters: fc.Arbitrary<EventFilter> = fc.record(
  {
    apps: fc.subarray(APPS),
    user: fc.constantFrom(...USERS),
    session: fc.constantFrom(...SESSIONS),
    type: fc.constantFrom(...EVENT_TYPES),
  },
  { requiredKeys: [] },
);

const stored = (some: readonly Pick<StoredEvent, 'app' | 'user_id' | 'session_id' | 'type'>[]) =>
  some.map((one, index): StoredEvent => ({ ...one, id: index + 1, ts: 1, name: 'x' }));

/** The ids of what passes, as the embedded engine finds it: each event a batch of its own. */
function byColumns(all: readonly StoredEvent[], filter: EventFilter): number[] {
  const numbers = {
    app: [...new Set(all.map(({ app }) => app))],
    user: [...new Set(all.map(({ user_id }) => user_id))],
  };
  // As in a log's dictionaries, numbers begin at 1.
  const numberOf = (kind: 'app' | 'user', text: string) => numbers[kind].indexOf(text) + 1 || undefined;
  const columns = toColumnFilter(filter, numberOf);
  if (columns === undefined) return [];
  return all
    .filter(({ app, user_id, session_id, type }) => {
      const batch = { app: numberOf('app', app) ?? 0, user: numberOf('user', user_id) ?? 0 };
      const isOfType = columns.type === undefined || columns.type === typeCode(type);
      return mayMatch({ ...batch, session: session_id }, columns) && isOfType;
    })
    .map(({ id }) => id);
}

/** Reads the few forms a condition has; throws at any other. */
function holds({ sql, params }: Condition, row: Record<string, unknown>): boolean {
  if (sql === '1') return true;
  const parts = sql.startsWith('(') ? sql.slice(1, -1).split(') AND (') : [sql];
  return parts.every((part) => {
    if (part === 'app IN (SELECT arrayJoin({apps:Array(String)}))')
      return (params.apps as readonly string[]).includes(row.app as string);
    const [, column = '', place = ''] = /^(\w+) = \{(\w+):(?:String|UInt8)\}$/.exec(part) ?? [];
    if (!(column in row) || !(place in params)) throw new Error(`no condition: ${part}`);
    return row[column] === params[place];
  });
}

const byCondition = (all: readonly StoredEvent[], filter: EventFilter): number[] => {
  const condition = toCondition(filter);
  return all
    .filter(({ type, ...row }) => holds(condition, { ...row, type: typeCode(type) }))
    .map(({ id }) => id);
};

t.test('its three forms let the same events pass', async (t) => {
  fc.assert(
    fc.property(events, filters, (some, filter) => {
      const all = stored(some);
      const passing = all.filter((one) => matches(one, filter)).map(({ id }) => id);
      t.strictSame(byColumns(all, filter), passing);
      t.strictSame(byCondition(all, filter), passing);
    }),
    { numRuns: 2_000 },
  );
});

t.test('each of its parameters is looked at, and a list without an app lets nothing pass', async (t) => {
  const one: StoredEvent = {
    ...{ id: 1, ts: 1, name: 'x', app: 'shop', user_id: 'bob', session_id: 's_1' },
    type: 'error',
  };
  const right: Required<EventFilter> = {
    apps: ['inventory', 'shop'],
    user: 'bob',
    session: 's_1',
    type: 'error',
  };
  const wrong: Required<EventFilter> = { apps: ['inventory'], user: 'al', session: 's_2', type: 'event' };
  t.ok(matches(one, right));
  t.ok(matches(one, {}));
  for (const key of Object.keys(wrong) as (keyof EventFilter)[])
    t.notOk(matches(one, { ...right, [key]: wrong[key] }), key);
  t.notOk(matches(one, { apps: [] }));
});

t.test('nothing that was asked for is part of the text', async (t) => {
  const texts = new Set<string>();
  fc.assert(
    fc.property(filters, fc.string(), (filter, text) => {
      texts.add(toCondition(filter).sql);
      const { sql, params } = toCondition({ ...filter, user: text, session: text, apps: [text, `${text}.`] });
      t.equal(
        sql.replace(' AND (type = {type:UInt8})', ''),
        '(app IN (SELECT arrayJoin({apps:Array(String)}))) AND (user_id = {user_id:String}) AND (session_id = {session_id:String})',
      );
      t.match(params, { user_id: text, session_id: text, apps: [text, `${text}.`] });
    }),
  );
  t.ok(texts.size <= 3 * 2 * 2 * 2, `${texts.size} texts, whatever is asked`);
});
