/** The fields of an event from outside: what each may be, what is refused, and what comes back. */
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { apps, ask, event, get, keyOf, NOON, postEvents, problemOf, store } from '../support/http.js';
import type { EventRow, EventsAnswer } from '../support/rows.js';

const BODY_BYTES = 20_000;
const c = await startCollector({
  apps: { ...apps('inventory', 'shop'), closed: { key: keyOf('closed'), origins: ['https://in.example'] } },
  limits: { body_bytes: BODY_BYTES },
});
t.teardown(() => c.close());

const listed = async (query: string) => (await get<EventsAnswer>(c.url, `/v1/query/events?${query}`)).events;
const head = async () => (await get<EventsAnswer>(c.url, '/v1/query/events?limit=1')).head;
const body = (events: readonly unknown[], over: object = {}) => ({
  app: 'inventory',
  key: keyOf('inventory'),
  events,
  ...over,
});

/** Sends one event and returns it as stored; its user is its own, so that it is the only one of that user. */
let users = 0;
async function stored(over: object): Promise<EventRow> {
  const user_id = `single_${++users}`;
  await store(c.url, 'inventory', [event({ user_id, ...over })]);
  const [row, ...others] = await listed(`user=${user_id}`);
  if (!row || others.length > 0) throw new Error(`${others.length} more rows`);
  return row;
}

/** Sends a body that must be a 400 and must not have been stored in any part; returns the problem. */
async function refused(raw: unknown) {
  const before = await head();
  const problem = problemOf(await postEvents(c.url, raw), 400);
  if ((await head()) !== before) throw new Error('a refused body was stored');
  return problem;
}
const refusedEvent = (over: object) => refused(body([event(over)]));

/** The text of a body whose one event has `props` as written, digit for digit. */
const withProps = (props: string, user_id = 'raw') =>
  JSON.stringify(body([event({ user_id, props: '@' })])).replace('"@"', () => props);

t.test('ING-17 an event without a time has the time of receipt', async (t) => {
  for (const ts of [undefined, null, 0]) {
    const before = Date.now();
    const row = await stored({ ts });
    t.ok(row.ts >= before && row.ts <= Date.now(), `ts ${ts}: ${row.ts}`);
    t.notOk('client_ts' in row, 'the client said nothing');
  }
});

t.test('ING-18 a time that is none is refused', async (t) => {
  for (const ts of [-1, 1.5, 2 ** 48, 1e20, '1718200000000', true, {}, []]) await refusedEvent({ ts });
  t.equal((await stored({ ts: Date.UTC(2000, 0) })).ts, Date.UTC(2000, 0));
  t.equal((await stored({ ts: NOON })).ts, NOON);
});

t.test('ING-19 a user id has 1 to 256 characters', async (t) => {
  const length = async (user_id: string) => {
    await store(c.url, 'inventory', [event({ user_id })]);
    return (await listed(`user=${encodeURIComponent(user_id)}`)).map((row) => row.user_id);
  };
  for (const id of ['a', 'a'.repeat(256), '€'.repeat(256), ' ', '😀'.repeat(128)])
    t.same(await length(id), [id]);
  for (const user_id of [undefined, null, '', 'a'.repeat(257), 5, true, ['a'], {}])
    await refusedEvent({ user_id });
});

t.test('ING-20 a session id has 1 to 128 characters and is not a dot or two', async (t) => {
  for (const session_id of ['a', 'a'.repeat(128), '€'.repeat(128), '...', '.a', '../..', 'a/b', ' ']) {
    t.equal((await stored({ session_id })).session_id, session_id);
    t.ok((await listed(`session=${encodeURIComponent(session_id)}`)).length > 0);
  }
  for (const session_id of [undefined, null, '', 'a'.repeat(129), '.', '..', 5, ['a']]) {
    await refusedEvent({ session_id });
  }
});

t.test('ING-21 five types are taken and no other', async (t) => {
  for (const type of ['event', 'pageview', 'error', 'network', 'bug_report']) {
    t.equal((await stored({ type })).type, type);
  }
  for (const type of [undefined, null, '', 'foo', 'Event', 'event ', 0, 1, ['event'], 'constructor']) {
    await refusedEvent({ type });
  }
});

t.test('ING-22 a name has at least one character', async (t) => {
  for (const name of ['x', ' ', 'line\nbreak\u0000', '😀']) t.equal((await stored({ name })).name, name);
  for (const name of [undefined, null, '', 5, {}, ['x']]) await refusedEvent({ name });
});

t.test('ING-23 a url is optional', async (t) => {
  t.equal((await stored({ url: '/a?b=ü#c' })).url, '/a?b=ü#c');
  for (const url of [undefined, null]) t.notOk('url' in (await stored({ url })));
  for (const url of [5, {}, ['x'], false]) await refusedEvent({ url });
});

t.test('ING-24 props are an optional object', async (t) => {
  t.same((await stored({ props: {} })).props, {});
  for (const props of [undefined, null]) t.notOk('props' in (await stored({ props })));
  for (const props of ['x', 5, true, [], [{}]]) await refusedEvent({ props });
});

t.test('ING-25 a person is optional, and so are name and email', async (t) => {
  const ada = { name: 'Ada Lovelace', email: 'ada@example.org' };
  t.same((await stored({ user: ada })).user, ada);
  t.same((await stored({ user: { name: 'Ada' } })).user, { name: 'Ada' });
  t.same((await stored({ user: { email: 'a@b' } })).user, { email: 'a@b' });
  t.same((await stored({ user: { name: null, email: 'a@b' } })).user, { email: 'a@b' });
  for (const user of [undefined, null]) t.notOk('user' in (await stored({ user })));
  for (const user of ['Ada', 5, [], { name: 5 }, { email: {} }, { name: ['Ada'] }])
    await refusedEvent({ user });
});

t.test('ING-26 the app that paid the key is stamped, whatever the event says', async (t) => {
  for (const app of ['shop', 'nobody', '', 5, null, {}]) t.equal((await stored({ app })).app, 'inventory');
});

t.test('ING-27 a long name or url is cut between code points', async (t) => {
  for (const field of ['name', 'url'] as const) {
    const at = async (text: string) => (await stored({ [field]: text }))[field] ?? '';
    t.equal(await at('x'.repeat(2_048)), 'x'.repeat(2_048));
    t.equal(await at('x'.repeat(2_049)), 'x'.repeat(2_048));
    t.equal(await at('€'.repeat(2_100)), '€'.repeat(2_048));
    const cut = await at(`${'x'.repeat(2_047)}😀😀`);
    t.ok(cut === 'x'.repeat(2_047) || cut === `${'x'.repeat(2_047)}😀`, 'no half of a pair is left');
    t.equal(await at(`${'x'.repeat(2_046)}😀😀`), `${'x'.repeat(2_046)}😀`);
  }
});

t.test('ING-28 control characters in ids are refused', async () => {
  for (const code of [0x00, 0x01, 0x09, 0x0a, 0x0d, 0x1f, 0x7f, 0x80, 0x85, 0x9f]) {
    const text = `a${String.fromCharCode(code)}b`;
    await refusedEvent({ user_id: text });
    await refusedEvent({ session_id: text });
  }
});

t.test('ING-29 lone surrogates are refused', async () => {
  for (const text of ['\ud800', 'a\udfff', '\ud83d x', '\ude00\ud83d']) {
    const fields = ['user_id', 'session_id', 'name', 'url'].map((field) => ({ [field]: text }));
    const deep = [
      { user: { name: text } },
      { user: { email: text } },
      { props: { a: [{ b: text }] } },
      { props: { [text]: 1 } },
    ];
    for (const over of [...fields, ...deep]) await refusedEvent(over);
    await refused(body([event()], { batch_id: `batch_id_${text}` }));
  }
  await refusedEvent({ name: `${'x'.repeat(3_000)}\ud800` });
});

t.test('ING-30 props come back exactly as sent', async (t) => {
  const props = {
    text: 'žluťoučký 👩‍👩‍👧 \u0000 \u2028 "\\/ \t </script>',
    '': 'empty key',
    ключ: 'ключ',
    '10': 1,
    '2': 2,
    constructor: 1,
    prototype: { a: 1 },
    toString: null,
    nested: { a: null, b: [null, [null, { c: null }]], d: {} },
    empty: [],
    numbers: [0, -1, -1.5, 1e300, -1e-300, 2 ** 53 - 1, -(2 ** 53) + 1, 0.1],
    booleans: [true, false],
    value: '__proto__',
  };
  t.same((await stored({ props })).props, props);

  const raw =
    '{"big":12345678901234567890123,"neg":-98765432109876543210,"small":1e-400,"huge":1E+999,"zero":-0,"one":1.0}';
  t.equal((await postEvents(c.url, withProps(raw, 'digits'))).status, 204);
  const { text } = await ask(c.url, '/v1/query/events?user=digits');
  for (const number of [
    '12345678901234567890123',
    '-98765432109876543210',
    '1e-400',
    '1E+999',
    '-0',
    '1.0',
  ]) {
    t.match(text, `:${number}`, 'no digit is lost');
  }
});

t.test('ING-31 keys that reach for a prototype are refused', async (t) => {
  const bad = [
    '{"__proto__":{}}',
    '{"a":[{"b":{"__proto__":1}}]}',
    '{"\\u005f_proto\\u005f_":null}',
    '{"constructor":{"prototype":{}}}',
    '{"a":{"constructor":{"prototype":null}}}',
    '{"\\u0063onstructor":{"prototyp\\u0065":1}}',
    '{"constructor":{"x":1,"prototype":1}}',
  ];
  for (const props of bad) await refused(withProps(props));
  const good = JSON.stringify(body([event()]));
  await refused(good.replace('"name"', '"__proto__":{"a":1},"name"'));
  await refused(good.replace('"app"', '"__proto__":{"a":1},"app"'));
  await refused(good.replace('"app"', '"constructor":{"prototype":{"a":1}},"app"'));
  const fine =
    '{"constructor":{"name":"x"},"prototype":1,"x":"__proto__","proto":{"constructor":[{"prototype":1}]}}';
  t.equal((await postEvents(c.url, withProps(fine))).status, 204);
});

t.test('ING-32 null counts as absent', async (t) => {
  const answer = await postEvents(
    c.url,
    body([event({ user_id: 'nulls', url: null })], { batch_id: null, sent_at: null }),
  );
  t.equal(answer.status, 204, answer.text);
  const [row] = await listed('user=nulls');
  t.same(Object.keys(row ?? {}).sort(), ['app', 'id', 'name', 'session_id', 'ts', 'type', 'user_id']);
});
