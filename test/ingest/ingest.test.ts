/** `POST /v1/events` as far as it is decided before the store: every check, their order, and the batch they let through. */
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { withEvents } from '../../src/domain/event-columns.js';
import type { ProblemCode, Refusal } from '../../src/domain/problems.js';
import { readExact } from '../../src/ingest/exact-reader.js';
import { createIngest } from '../../src/ingest/ingest.js';
import type { IngestRequest } from '../../src/ingest/types.js';
import { bytesOf, envelope, event, KEY } from './bodies.js';

const NOW = 1_718_200_000_500;
const ORIGIN = 'https://in.example';
const OUTSIDE = { origin: 'https://out.example' };
const LIMITS = { body_bytes: 20_000, chunk_bytes: 1, events_per_minute: 0 };
const APPS = {
  inventory: { key: KEY, origins: [] },
  closed: { key: 'sg_live_closed_key', origins: [ORIGIN] },
};
const ingest = createIngest({ apps: APPS, limits: LIMITS, readExact });

const request = (body: unknown, over: Partial<IngestRequest> = {}): IngestRequest => ({
  body: body instanceof Uint8Array ? body : bytesOf(body),
  receivedAt: NOW,
  ...over,
});

function accepted(body: unknown, over?: Partial<IngestRequest>) {
  const { batch, refusal } = ingest(request(body, over));
  if (batch === undefined) throw new Error(`${refusal.code}: ${refusal.detail}`);
  return withEvents(batch);
}

function refused(body: unknown, code: ProblemCode, over?: Partial<IngestRequest>): Refusal {
  const { refusal } = ingest(request(body, over));
  if (refusal?.code !== code) throw new Error(`not ${code}: ${JSON.stringify(refusal)}`);
  return refusal;
}

const stored = (over: object) => accepted(envelope([event(over)])).events[0];
const pathsOf = (refusal: Refusal) => [...new Set(refusal.errors?.map(({ path }) => path))];
const invalid = (over: object) => pathsOf(refused(envelope([event(), event(over)]), 'invalid_event'));

t.test('takes the example of the API reference', async (t) => {
  const example = {
    ts: 1_718_200_000_000,
    app: 'inventory',
    user_id: 'alice',
    session_id: 's_abc',
    type: 'event',
    name: 'invoice_created',
    url: '/invoices/new',
    props: { amount: 1200 },
  };
  t.strictSame(accepted(envelope([example])), {
    app: 'inventory',
    receivedAt: NOW,
    events: [
      {
        ts: 1_718_200_000_000,
        user_id: 'alice',
        session_id: 's_abc',
        type: 'event',
        name: 'invoice_created',
        url: '/invoices/new',
        props: '{"amount":1200}',
      },
    ],
  });
});

t.test('an empty list of events is a batch', async (t) => {
  t.strictSame(accepted(envelope([])), { app: 'inventory', receivedAt: NOW, events: [] });
});

t.test('a gzip body is the same batch', async (t) => {
  const body = bytesOf(envelope([event()]));
  t.strictSame(accepted(gzipSync(body), { encoding: 'gzip' }), accepted(body));
});

t.test('of two faults the earlier check answers', async () => {
  const bad = event({ type: 'foo' });
  const closed = (events: unknown, over: object = {}) =>
    envelope(events, { app: 'closed', key: 'sg_live_closed_key', ...over });
  const large = 'x'.repeat(20_001);

  refused(large, 'body_too_large', { encoding: 'br' });
  refused(closed([], { key: large }), 'body_too_large', OUTSIDE);
  refused('{', 'unsupported_encoding', { encoding: 'br' });
  refused(closed('none', { key: 'wrong' }), 'invalid_envelope', OUTSIDE);
  refused(`${'['.repeat(65)}`, 'invalid_json');
  refused(closed([bad], { key: 'wrong' }), 'unauthorized_app', OUTSIDE);
  refused(closed([bad], { batch_id: 'short' }), 'origin_not_allowed', OUTSIDE);

  const limited = createIngest({ apps: APPS, limits: { ...LIMITS, events_per_minute: 1 }, readExact });
  const codeOf = (body: unknown, over?: Partial<IngestRequest>) => limited(request(body, over)).refusal?.code;
  t.equal(codeOf(closed([event()])), undefined);
  t.equal(codeOf(closed([bad])), 'rate_limited');
  t.equal(codeOf(closed([bad]), OUTSIDE), 'origin_not_allowed');
  t.equal(codeOf(closed([bad], { key: 'wrong' })), 'unauthorized_app');
  t.equal(codeOf(closed([])), 'rate_limited', 'a batch without events counts as one');
});

t.test('what is not JSON is a 400', async () => {
  const good = JSON.stringify(envelope([event()]));
  const bodies = [
    '',
    ' ',
    'x',
    '{',
    good.slice(0, -1),
    `${good}x`,
    `${good}${good}`,
    `\ufeff\ufeff${good}`,
    `${good}\ufeff`,
  ];
  for (const body of [...bodies, good.replace('[', '[,'), good.replace('"ts":', '"ts":0'), "{'app':1}"]) {
    refused(body, 'invalid_json');
  }
  refused(Buffer.concat([bytesOf(good), Buffer.from([0xff])]), 'invalid_json');
});

t.test('64 levels are taken, 65 are not, however they are spelt', async (t) => {
  // The body, its events and an event are three of them.
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
    ['[ { "\\u0061" :', '} ]'],
  ] as const) {
    const each = open.startsWith('[ {') ? 2 : 1;
    const props = (levels: number) => `{"a":${open.repeat(levels / each)}1${close.repeat(levels / each)}}`;
    const body = (levels: number) =>
      JSON.stringify(envelope([event({ props: '@' })])).replace('"@"', () => props(levels));
    t.equal(accepted(body(60)).events.length, 1);
    refused(body(60 + each), 'invalid_json');
  }
  const inText = JSON.stringify(envelope([event({ name: `"${'[{'.repeat(100)}\\` })]));
  t.equal(accepted(inText).events.length, 1);
});

t.test('an envelope needs an app, a key and events', async (t) => {
  for (const body of [[], 'null', '5', '"x"', [event()]]) refused(body, 'invalid_envelope');
  t.same(pathsOf(refused({}, 'invalid_envelope')), ['app', 'key', 'events']);
  for (const app of [null, 5, {}, ['inventory']]) refused(envelope([], { app }), 'invalid_envelope');
  for (const key of [null, 5, {}, [KEY]]) refused(envelope([], { key }), 'invalid_envelope');
  for (const events of [null, {}, 'x', { length: 0 }]) refused(envelope(events), 'invalid_envelope');
});

t.test('an unknown app and a wrong key get the same answer', async (t) => {
  const wrong = refused(envelope([], { key: 'sg_live_wrong' }), 'unauthorized_app');
  t.strictSame(refused(envelope([], { app: 'nobody' }), 'unauthorized_app'), wrong);
  t.strictSame(refused(envelope([], { app: '__proto__' }), 'unauthorized_app'), wrong);
  t.strictSame(refused(envelope([], { app: 'closed' }), 'unauthorized_app'), wrong, 'the key of another app');
});

t.test('an origin has to be one of the app', async (t) => {
  const body = envelope([], { app: 'closed', key: 'sg_live_closed_key' });
  refused(body, 'origin_not_allowed', OUTSIDE);
  t.ok(accepted(body, { origin: ORIGIN }));
  t.ok(accepted(body));
  t.ok(accepted(envelope([]), OUTSIDE));
});

t.test('the limit answers with the seconds to wait, and by the time of receipt', async (t) => {
  const limited = createIngest({ apps: APPS, limits: { ...LIMITS, events_per_minute: 3 }, readExact });
  const send = (count: number, receivedAt: number) =>
    limited(request(envelope(Array.from({ length: count }, () => event())), { receivedAt })).refusal;
  t.equal(send(3, NOW), undefined);
  t.match(send(1, NOW + 20_000), { code: 'rate_limited', retryAfterS: 40 });
  t.match(send(4, NOW + 20_000), { detail: /send smaller ones/ });
  t.equal(send(3, NOW + 60_000), undefined);
});

t.test('one invalid event refuses the batch and says which it is', async (t) => {
  const body = envelope([event(), event({ user_id: 5, name: '' }), event(), event({ type: 'foo' }), 'x']);
  const { errors } = refused(body, 'invalid_event');
  t.same(errors, [
    { path: 'events[1].user_id', message: 'must be a string' },
    { path: 'events[1].name', message: 'must not be empty' },
    { path: 'events[3].type', message: 'must be one of event, pageview, error, network, bug_report' },
    { path: 'events[4]', message: 'must be an object' },
  ]);
});

t.test('lists a hundred errors at most', async (t) => {
  const many = Array.from({ length: 1_000 }, () => ({}));
  t.equal(refused(envelope(many), 'invalid_event').errors?.length, 100);
  const lone = Array.from({ length: 1_000 }, () => '\ud800');
  t.equal(refused(envelope(lone), 'invalid_event').errors?.length, 100);
});

t.test('no answer repeats a key or what else was sent', async (t) => {
  const secret = 'sg_live_very_secret';
  const text = JSON.stringify(envelope([event()], { key: secret }));
  const hostile = [
    text.slice(0, -1),
    text.replace('"events"', 'events'),
    `{"key":"${secret}" "app":1}`,
    envelope('x', { key: secret }),
    text,
    envelope([event({ type: secret, ts: secret, [secret]: 1, props: secret, user: secret })]),
    envelope([event({ props: { [secret]: { ['__proto__']: 1, a: '\ud800' } } })]),
    envelope([], { batch_id: secret.repeat(5), sent_at: secret, [secret]: '\ud800' }),
    envelope([{ [secret]: JSON.parse('{"__proto__":1}') }]),
    secret,
  ];
  for (const body of hostile) {
    const { refusal } = ingest(request(body));
    t.ok(refusal, 'refused');
    t.notMatch(JSON.stringify(refusal), secret);
  }
});

t.test('an event without a time has the time of receipt', async (t) => {
  for (const ts of [undefined, null, 0]) {
    t.equal(stored({ ts })?.ts, NOW);
    t.notOk('client_ts' in (stored({ ts }) ?? {}));
  }
  const minusZero = JSON.stringify(envelope([event({ ts: '@' })])).replace('"@"', '-0');
  t.equal(accepted(minusZero).events[0]?.ts, NOW);
});

t.test('a time is a whole number of 48 bits', async (t) => {
  t.equal(stored({ ts: NOW - 1 })?.ts, NOW - 1);
  for (const ts of [-1, 1.5, 2 ** 48, 1e20, '1718200000000', true, {}, []])
    t.same(invalid({ ts }), ['events[1].ts']);
  const huge = JSON.stringify(envelope([event({ ts: '@' })])).replace('"@"', '1e400');
  t.same(pathsOf(refused(huge, 'invalid_event')), ['events[0].ts']);
  const spelt = JSON.stringify(envelope([event({ ts: '@' })])).replace('"@"', '17182e8');
  t.equal(accepted(spelt).events[0]?.ts, 1_718_200_000_000);
  const greatest = envelope([event({ ts: 2 ** 48 - 1 })], { sent_at: NOW });
  t.match(accepted(greatest).events[0], { ts: NOW, client_ts: 2 ** 48 - 1 });
});

t.test('clocks are put right by sent_at', async (t) => {
  const times = [NOW - 5_000, 0, NOW + 3_600_000].map((ts) => event({ ts }));
  const shifted = accepted(envelope(times, { sent_at: NOW - 70_000 }));
  t.same(
    shifted.events.map(({ ts, client_ts }) => [ts, client_ts]),
    [
      [NOW + 65_000, NOW - 5_000],
      [NOW, undefined],
      [NOW, NOW + 3_600_000],
    ],
  );
  for (const sent_at of [-1, 1.5, 2 ** 48, 'x', {}, true]) {
    t.same(pathsOf(refused(envelope([], { sent_at }), 'invalid_event')), ['sent_at']);
  }
  t.equal(stored({ ts: NOW + 3_600_001 })?.ts, NOW);
  t.equal(stored({ ts: NOW + 3_600_001 })?.client_ts, NOW + 3_600_001);
});

t.test('ids have a length, and no control characters', async (t) => {
  for (const [field, max] of [
    ['user_id', 256],
    ['session_id', 128],
  ] as const) {
    for (const id of ['a', '€'.repeat(max), '😀'.repeat(max / 2), ' ', '../x', '...', 'e\u0301']) {
      t.equal(stored({ [field]: id })?.[field], id);
    }
    const controls = [0x00, 0x09, 0x0a, 0x1f, 0x7f, 0x80, 0x85, 0x9f].map(
      (c) => `a${String.fromCharCode(c)}`,
    );
    for (const id of [undefined, null, '', 'a'.repeat(max + 1), 5, true, [], {}, ...controls]) {
      t.same(invalid({ [field]: id }), [`events[1].${field}`], JSON.stringify(id));
    }
  }
  for (const session_id of ['.', '..']) t.same(invalid({ session_id }), ['events[1].session_id']);
  t.equal(stored({ user_id: '..' })?.user_id, '..');
});

t.test('a batch_id has 8 to 64 characters', async (t) => {
  const smile = '\u{1F600}';
  const good = ['12345678', 'é'.repeat(64), smile.repeat(8), smile.repeat(64), crypto.randomUUID()];
  for (const batch_id of good) {
    t.equal(accepted(envelope([event()], { batch_id })).batchId, batch_id);
  }
  t.notOk('batchId' in accepted(envelope([event()], { batch_id: null })));
  t.notOk('batchId' in accepted(envelope([], { batch_id: '12345678' })), 'nothing to remember it for');
  const short = ['', '1234567', smile.repeat(4), smile.repeat(7)];
  const long = ['x'.repeat(65), smile.repeat(65), 'x'.repeat(15_000)];
  for (const batch_id of [...short, ...long, 12345678, {}, 'a\u0007bcdefgh', 'a\u009fbcdefgh']) {
    t.same(pathsOf(refused(envelope([], { batch_id }), 'invalid_event')), ['batch_id']);
  }
});

t.test('a type is one of five', async (t) => {
  for (const type of ['event', 'pageview', 'error', 'network', 'bug_report'])
    t.equal(stored({ type })?.type, type);
  for (const type of [undefined, null, '', 'foo', 'Event', 0, ['event'], 'constructor']) {
    t.same(invalid({ type }), ['events[1].type']);
  }
});

t.test('a long name or url is cut between code points, not refused', async (t) => {
  for (const field of ['name', 'url'] as const) {
    t.equal(stored({ [field]: 'x'.repeat(2_048) })?.[field]?.length, 2_048);
    t.equal(stored({ [field]: '€'.repeat(5_000) })?.[field], '€'.repeat(2_048));
    t.equal(stored({ [field]: `${'x'.repeat(2_047)}😀` })?.[field], 'x'.repeat(2_047));
    t.equal(stored({ [field]: `${'x'.repeat(2_046)}😀😀` })?.[field], `${'x'.repeat(2_046)}😀`);
    for (const text of [5, {}, [], false]) t.same(invalid({ [field]: text }), [`events[1].${field}`]);
  }
  for (const name of [undefined, null, '']) t.same(invalid({ name }), ['events[1].name']);
  t.equal(stored({ name: 'line\nbreak\u0000' })?.name, 'line\nbreak\u0000');
  t.equal(stored({ url: '' })?.url, '');
});

t.test('a person is optional, its texts cut', async (t) => {
  const ada = { name: 'Ada', email: 'ada@example.org' };
  t.same(stored({ user: ada })?.user, ada);
  t.same(stored({ user: { name: null, email: 'a@b', x: 1 } })?.user, { email: 'a@b' });
  t.equal(stored({ user: { name: 'é'.repeat(300) } })?.user?.name, 'é'.repeat(256));
  for (const user of [undefined, null, {}, { name: null }, { x: 1 }])
    t.notOk('user' in (stored({ user }) ?? {}));
  for (const user of ['Ada', 5, []]) t.same(invalid({ user }), ['events[1].user']);
  t.same(invalid({ user: { name: 5, email: {} } }), ['events[1].user.name', 'events[1].user.email']);
});

t.test('props are an optional object, kept as the text they were sent as', async (t) => {
  for (const props of [undefined, null]) t.notOk('props' in (stored({ props }) ?? {}));
  for (const props of ['x', 5, true, [], [{}]]) t.same(invalid({ props }), ['events[1].props']);
  const texts = [
    '{}',
    '{ "a" : 12345678901234567890, "b":1e400,"c":-0, "d":1.0,"e":-1E-7 }',
    '{"ключ":"😀","":null,"a":[null,[null,{"b":null}]],"x":"\\u00e9\\ud83d\\ude00\\"\\\\"}',
    '{"constructor":{"name":"x"},"prototype":1,"x":"__proto__","y":{"constructor":[{"prototype":1}]}}',
    '{"constructor":"Acme","toString":null,"a":1,"a":2}',
  ];
  for (const props of texts) {
    const body = JSON.stringify(envelope([event(), event({ props: '@' })])).replace('"@"', () => props);
    t.equal(accepted(body).events[1]?.props, props);
    const odd = body.replaceAll('"props"', '"pro\\u0070s"');
    t.equal(accepted(odd).events[1]?.props, props, 'with the key spelt oddly');
  }
});

t.test('lone surrogates are refused anywhere, pairs are not', async (t) => {
  for (const text of ['\ud800', 'a\udfff', '\udc00\udc00', '\ud83d x', '\ude00\ud83d', '\ud83d\\ude00']) {
    for (const field of ['user_id', 'session_id', 'name', 'url']) {
      t.match(invalid({ [field]: text }), [`events[1].${field}`]);
    }
    t.match(invalid({ props: { a: [{ b: text }] } }), ['events[1].props']);
    t.match(invalid({ props: { [text]: 1 } }), ['events[1].props']);
    t.match(invalid({ user: { name: text } }), ['events[1].user']);
    t.match(invalid({ unknown: text }), ['events[1]']);
    t.match(invalid({ [text]: 1 }), ['events[1]']);
    t.match(pathsOf(refused(envelope([], { batch_id: `batch_id_${text}` }), 'invalid_event')), ['batch_id']);
    t.match(pathsOf(refused(envelope([], { unknown: [text] }), 'invalid_event')), ['']);
  }
  t.same(invalid({ name: `${'x'.repeat(3_000)}\ud800` }), ['events[1].name'], 'behind the cut too');
  const shadowed = JSON.stringify(envelope([event()])).replace('"name":', '"name":"\\ud800","name":');
  t.match(pathsOf(refused(shadowed, 'invalid_event')), ['events[0].name']);
  const pair = JSON.stringify(envelope([event({ name: '@' })])).replace('@', '\\uD83d\\udE00');
  t.equal(accepted(pair).events[0]?.name, '😀');
});

t.test('keys that reach for a prototype are refused anywhere, however they are spelt', async (t) => {
  const good = JSON.stringify(envelope([event(), event({ props: '@' })]));
  const bad = [
    '"__proto__":{}',
    '"a":[{"b":{"__proto__":1}}]',
    '"\\u005f_proto\\u005f_":null',
    '"constructor":{"prototype":{}}',
    '"a":{"constructor" : {"prototype":null}}',
    '"\\u0063onstructor":{"prototyp\\u0065":1}',
    '"constructor":{"x":{"y":[]},"prototype":1}',
    '"constructor":{"prototype":1},"constructor":2',
  ];
  for (const members of bad) {
    const inProps = good.replace('"@"', () => `{${members}}`);
    t.same(pathsOf(refused(inProps, 'invalid_event')), ['events[1].props']);
    refused(
      good.replace('"@"', '{}').replace('"name"', () => `${members},"name"`),
      'invalid_event',
    );
    refused(
      good.replace('"@"', '{}').replace('"app"', () => `${members},"app"`),
      'invalid_event',
    );
  }
});

t.test('null counts as absent, and fields nobody knows are ignored', async (t) => {
  const body = envelope(
    [event({ url: null, props: null, user: null, app: 5, id: 7, client_ts: 3, x: { y: [] } })],
    {
      batch_id: null,
      sent_at: null,
      x: null,
    },
  );
  const { events, ...rest } = accepted(body);
  t.same(rest, { app: 'inventory', receivedAt: NOW });
  t.same(Object.keys(events[0] ?? {}).sort(), ['name', 'session_id', 'ts', 'type', 'user_id']);
});
