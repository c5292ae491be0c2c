/** The two readers of a body against each other, against the schema, and against the text they were given. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { eventsOf } from '../../src/domain/event-columns.js';
import { readExact } from '../../src/ingest/exact-reader.js';
import { readFast } from '../../src/ingest/fast-reader.js';
import { scanJson, tooExpensive } from '../../src/ingest/scan.js';
import { eventBatchSchema } from '../../src/ingest/schema.js';
import type { Envelope } from '../../src/ingest/types.js';
import { bodyText, bytesOf, damagedBody, envelope, event, KEY } from './bodies.js';

const RUNS = { numRuns: 600 };

/** An envelope with its content looked at. */
function opened({ app, key, eventCount, content }: Envelope) {
  const { content: read, refusal } = content();
  if (read === undefined) return { app, key, eventCount, refusal };
  const { columns, ...rest } = read;
  return { app, key, eventCount, ...rest, events: eventsOf(columns) };
}

function assertFastIsExact(bytes: Buffer): boolean {
  const fast = readFast(bytes);
  if (fast === undefined) return false;
  const exact = readExact(bytes);
  if (exact.envelope === undefined) throw new Error(`the exact reader says: ${exact.refusal.detail}`);
  assert.deepEqual(opened(fast), opened(exact.envelope));
  return true;
}

t.test('what the fast reader accepts, the exact reader reads the same', async (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(bodyText, (text) => {
      if (assertFastIsExact(bytesOf(text))) accepted++;
    }),
    RUNS,
  );
  t.ok(accepted > RUNS.numRuns / 20, `${accepted} bodies were accepted`);
});

t.test('no damage makes the fast reader accept what the exact reader would not', async () => {
  fc.assert(
    fc.property(damagedBody, (bytes) => {
      fc.pre(isUtf8(bytes));
      assertFastIsExact(bytes);
    }),
    RUNS,
  );
});

t.test('the exact reader agrees with the schema, except for what only the text shows', async (t) => {
  let valid = 0;
  fc.assert(
    fc.property(bodyText, (text) => {
      const bytes = bytesOf(text);
      fc.pre(tooExpensive(bytes) === undefined);
      const { envelope: read } = readExact(bytes);
      const { content } = read?.content() ?? {};
      const verdict = eventBatchSchema.safeParse(JSON.parse(text)).success;
      const clean = scanJson(bytes).errors.length === 0;
      if (content !== undefined) valid++;
      return (content !== undefined) === (verdict && clean);
    }),
    RUNS,
  );
  t.ok(valid > RUNS.numRuns / 20, `${valid} bodies were valid`);
});

t.test('props are the text the sender wrote', async () => {
  fc.assert(
    fc.property(bodyText, (text) => {
      const bytes = bytesOf(text);
      const { content } = readExact(bytes).envelope?.content() ?? {};
      fc.pre(content !== undefined);
      const parsed: { events: { props?: unknown }[] } = JSON.parse(text);
      for (const [index, { props }] of eventsOf(content.columns).entries()) {
        const value = parsed.events[index]?.props ?? undefined;
        assert.deepEqual(props === undefined ? undefined : JSON.parse(props), value);
        assert(text.includes(props ?? ''), 'as it stands in the body');
      }
    }),
    RUNS,
  );
});

t.test('the fast reader reads what our SDK and other clients usually send', async (t) => {
  const full = {
    url: '/invoices/7?x=é',
    props: { amount: 1200, tags: ['a', null], deep: { er: [true, false, -1.5e-7] } },
    user: { name: 'Alice "A" Example', email: 'alice@example.org' },
  };
  const bodies = {
    minimal: envelope([event()]),
    full: envelope([event(full), event(full)], { batch_id: 'c0ffee00-0000', sent_at: 1_718_200_000_000 }),
    empty: envelope([]),
    nulls: envelope([event({ ts: null, url: null, props: null, user: null })], {
      batch_id: null,
      sent_at: null,
    }),
    stack: envelope([event({ type: 'error', name: 'boom\n  at f ("x")\u001b[0m', props: { a: '\\' } })]),
    unicode: envelope([event({ user_id: 'žofie', session_id: '日本', name: '😀' })]),
  };
  for (const [name, body] of Object.entries(bodies)) {
    t.ok(assertFastIsExact(bytesOf(body)), name);
    t.ok(assertFastIsExact(Buffer.from(`\n${JSON.stringify(body, null, 2)}\r\n`)), `${name}, pretty printed`);
    const escaped = JSON.stringify(body).replace(
      /[^ -~]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    t.ok(assertFastIsExact(Buffer.from(escaped)), `${name}, in ASCII`);
  }
});

t.test('the fast reader leaves a body with anything after it to the exact reader', async (t) => {
  const body = JSON.stringify(envelope([event()]));
  for (const rest of ['x', ' x', '\n}', ',', '\u0000', body]) {
    t.equal(readFast(Buffer.from(body + rest)), undefined);
    t.equal(readExact(Buffer.from(body + rest)).refusal?.code, 'invalid_json');
  }
});

t.test('neither reader takes what is not JSON, wherever it stands', async (t) => {
  const numbers = [
    '01',
    '-01',
    '00',
    '-',
    '--1',
    '+1',
    '.5',
    '1.',
    '1.e5',
    '1e',
    '1e+',
    '0x1',
    'NaN',
    'Infinity',
  ];
  const literals = ['tru', 'truE', 'nul', 'fals', 'undefined', "'a'", 'a'];
  const strings = ['"', '"\\', '"\\x"', '"\\u12g4"', '"\\u12"', '"\n"', '"\u0000"'];
  const nested = [
    '[',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1,,2]',
    '{,}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '{"a" 1}',
    '{1:1}',
  ];
  for (const bad of [...numbers, ...literals, ...strings, ...nested, '', '/**/1', '1}']) {
    for (const value of [bad, `[${bad}`, `[0,${bad}]`, `{"a":${bad}}`]) {
      for (const field of ['props', 'x', 'ts', 'name', 'user']) {
        const body = Buffer.from(
          JSON.stringify(envelope([event({ [field]: '@' })])).replace('"@"', () => value),
        );
        assert.equal(readFast(body), undefined, body.toString());
        assert.equal(readExact(body).refusal?.code, 'invalid_json', body.toString());
      }
    }
  }
  t.pass();
});

t.test('of a key given twice the last one counts, if it is null too', async (t) => {
  const full = JSON.stringify(
    envelope([event({ url: '/a', user: { name: 'Ada', email: 'a@b' } })], {
      batch_id: 'batch-0001',
      sent_at: 5,
    }),
  );
  const again = (key: string, value: string) =>
    full.replace(`"${key}":`, (first) => `${first}${value},${first}`);
  for (const key of [
    'app',
    'key',
    'batch_id',
    'sent_at',
    'user_id',
    'session_id',
    'type',
    'name',
    'url',
    'user',
  ]) {
    for (const first of ['"event"', 'null', '7', '{}']) {
      const bytes = bytesOf(again(key, first));
      assertFastIsExact(bytes);
      const read = readExact(bytes).envelope;
      t.strictSame(
        read && opened(read),
        opened(readExact(bytesOf(full)).envelope as Envelope),
        `${key} ${first}`,
      );
    }
  }
  for (const [last, gone] of [
    ['"batch-0001"', 'batch_id'],
    ['5', 'sent_at'],
    ['"/a"', 'url'],
    ['"Ada"', 'name'],
    ['"alice"', 'user_id'],
  ] as const) {
    const nulled = bytesOf(full.replace(last, `${last},"${gone}":null`));
    assertFastIsExact(nulled);
    const read = readExact(nulled).envelope;
    t.notMatch(JSON.stringify(read ? opened(read) : ''), last, `${gone} is null in the end`);
  }
});

t.test('the last of two spans counts, whatever the spelling of the key', async (t) => {
  const one = (props: string) =>
    `{"app":"inventory","key":"${KEY}","events":[{"user_id":"a","session_id":"b","type":"event","name":"n",${props}}]}`;
  const propsOf = (text: string) => {
    const { content } = readExact(bytesOf(text)).envelope?.content() ?? {};
    return content && eventsOf(content.columns)[0]?.props;
  };

  t.equal(propsOf(one('"props":{"a":1},"props":{"b":-0}')), '{"b":-0}');
  t.equal(propsOf(one('"props":{"a":1},"pr\\u006fps" : { "b" : 1e400 } ')), '{ "b" : 1e400 }');
  t.equal(propsOf(one('"props":{"a":1},"props":null')), undefined);
  t.equal(propsOf(one('"x":{"props":{"a":1}}')), undefined);
  t.equal(propsOf(one('"props":{"props":{"events":[{"props":{}}]}}')), '{"props":{"events":[{"props":{}}]}}');
  const twice = one('"props":{"a":1}').replace(
    '"events":',
    '"events":[{"props":{"no":1}},{"props":{}}],"ev\\u0065nts":',
  );
  t.equal(propsOf(twice), '{"a":1}');
  const elsewhere = one('"props":{"a":1}').replace('"events":', '"x":[{"props":{"no":1}}],"events":');
  t.equal(propsOf(elsewhere), '{"a":1}');
});

t.test('a body of very many small objects is refused before JSON.parse reads it', async (t) => {
  const bodyWith = (parts: number): Buffer => {
    const a = Array.from({ length: parts }, (_, n) => ({ [n]: 1 }));
    return Buffer.from(JSON.stringify({ app: 'a', key: 'k', events: [{ props: { a } }] }));
  };
  t.match(readExact(bodyWith(40_000)), {
    refusal: { code: 'invalid_json', detail: /too many small objects/ },
  });
  t.match(readExact(bodyWith(15_000)), { envelope: { app: 'a' } });
});
