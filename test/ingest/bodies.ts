/** Bodies of `POST /v1/events` for the tests: plain ones, and arbitrary ones in every spelling that JSON allows. */
import fc from 'fast-check';
import { EVENT_TYPES } from '../../src/domain/event.js';

export const KEY = 'sg_live_inventory_key';

export const event = (over: object = {}): object => ({
  ts: 1_718_200_000_000,
  user_id: 'alice',
  session_id: 's_abc',
  type: 'event',
  name: 'invoice_created',
  ...over,
});

export const envelope = (events: unknown, over: object = {}): object => ({
  app: 'inventory',
  key: KEY,
  events,
  ...over,
});

export const bytesOf = (body: unknown): Buffer =>
  Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));

/** A value and how it is spelt. */
interface Spelt {
  text: string;
}

/** A spelling of a string: the characters at `escapes` as `\u` escapes, the others as usual. */
function stringText(text: string, escapes: readonly number[]): string {
  if (escapes.length === 0) return JSON.stringify(text);
  const spelt = Array.from(text, (character, i) => {
    if (!escapes.includes(i)) return JSON.stringify(character).slice(1, -1);
    return Array.from({ length: character.length }, (_, j) => unitText(character.charCodeAt(j))).join('');
  });
  return `"${spelt.join('')}"`;
}

const unitText = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;

const space = fc.constantFrom('', '', '', '', ' ', '\n  ', '\t', '\r\n');
const escapes = fc.oneof({ weight: 40, arbitrary: fc.constant([]) }, fc.array(fc.nat(12), { maxLength: 3 }));

const TEXT_SAMPLES = [
  '',
  'x',
  'a b',
  'é',
  '日本',
  '😀',
  '"\\/',
  '\n\t',
  '\u0000',
  '\u007f',
  '\u0085',
  '\u2028',
];
const text = fc.oneof(
  fc.constantFrom(...TEXT_SAMPLES),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(...[127, 128, 129, 256, 257, 2_047, 2_048, 2_049].map((n) => 'x'.repeat(n))),
  fc.constantFrom(`${'x'.repeat(2_047)}😀`, `${'x'.repeat(255)}😀`, 'é'.repeat(257), '€'.repeat(128)),
);

const NUMBERS = [
  '0',
  '-0',
  '1',
  '1e3',
  '1.0',
  '1.5',
  '-1',
  '1e400',
  '-1E+5',
  '12345678901234567890',
  '0.1e-7',
];
const TIMES = ['1718200000000', '281474976710655', '281474976710656', '999999999999999', '1718200000000.0'];

const LONE = ['"\\ud800"', '"\\udc00\\ud800"', '"\\uD83Dx"'];
const scalar: fc.Arbitrary<Spelt> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc
      .constantFrom('null', 'true', 'false', '"\\ud83d\\ude00"', ...NUMBERS, ...TIMES)
      .map((literal) => ({ text: literal })),
  },
  {
    weight: 20,
    arbitrary: fc.tuple(text, escapes).map(([value, where]) => ({ text: stringText(value, where) })),
  },
  { weight: 1, arbitrary: fc.constantFrom(...LONE).map((literal) => ({ text: literal })) },
);

const keyText = (keys: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(keys, escapes).map(([key, where]) => stringText(key, where));

const member = (keys: fc.Arbitrary<string>, values: fc.Arbitrary<Spelt>): fc.Arbitrary<string> =>
  fc
    .tuple(space, keyText(keys), space, space, values, space)
    .map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value.text}${d}`);

const anyKey = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom('a', 'props', 'events', 'constructor', 'x', 'é') },
  { weight: 5, arbitrary: text.filter((key) => key.length < 40) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'prototype') },
);

/** Any JSON value in any spelling, keys given twice included. */
const json: fc.Arbitrary<Spelt> = fc.letrec<{ value: Spelt }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(member(anyKey, tie('value')), { maxLength: 4 }).map((all) => ({ text: `{${all.join(',')}}` })),
    fc
      .array(tie('value'), { maxLength: 4 })
      .map((all) => ({ text: `[${all.map((one) => one.text).join(' ,')}]` })),
  ),
})).value;

const spelt = (values: fc.Arbitrary<unknown>): fc.Arbitrary<Spelt> =>
  values.map((value) => ({ text: JSON.stringify(value) }));

/** Mostly what the field should be, sometimes anything at all. */
const mostly = (usual: fc.Arbitrary<Spelt>): fc.Arbitrary<Spelt> =>
  fc.oneof({ weight: 40, arbitrary: usual }, { weight: 1, arbitrary: json });

const id = fc
  .constantFrom('alice', 'bob', 'é', 'u/1', '日本', '😀', '...')
  .map((value) => ({ text: JSON.stringify(value) }));
const propsObject = fc
  .array(member(anyKey, json), { maxLength: 3 })
  .map((all) => ({ text: `{${all.join(',')}}` }));
const personObject = fc
  .array(member(fc.constantFrom('name', 'email', 'x'), mostly(scalar)), { maxLength: 3 })
  .map((all) => ({ text: `{${all.join(',')}}` }));

const optional = (key: string, values: fc.Arbitrary<Spelt>): fc.Arbitrary<string[]> =>
  fc.array(member(fc.constant(key), values), { maxLength: 1 });
const required = (key: string, values: fc.Arbitrary<Spelt>): fc.Arbitrary<string[]> =>
  fc.oneof(
    { weight: 100, arbitrary: member(fc.constant(key), values).map((one) => [one]) },
    { weight: 1, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.array(member(fc.constant(key), values), { minLength: 2, maxLength: 2 }) },
  );

const objectOf = (...groups: fc.Arbitrary<string[]>[]): fc.Arbitrary<Spelt> =>
  fc.tuple(fc.tuple(...groups), fc.nat(20)).map(([members, turn]) => {
    const all = members.flat();
    const at = all.length === 0 ? 0 : turn % all.length;
    return { text: `{${[...all.slice(at), ...all.slice(0, at)].join(',')}}` };
  });

const anyEvent: fc.Arbitrary<Spelt> = fc.oneof(
  {
    weight: 20,
    arbitrary: objectOf(
      optional('ts', mostly(fc.constantFrom('0', '5', 'null', ...TIMES).map((time) => ({ text: time })))),
      optional('app', json),
      required('user_id', mostly(id)),
      required('session_id', mostly(id)),
      required('type', mostly(spelt(fc.constantFrom(...EVENT_TYPES)))),
      required('name', mostly(spelt(text))),
      optional('url', mostly(spelt(text))),
      optional('props', mostly(propsObject)),
      optional('user', mostly(personObject)),
      fc.array(member(anyKey, json), { maxLength: 1 }),
    ),
  },
  { weight: 1, arbitrary: json },
);

/** The text of an arbitrary body: valid JSON, mostly an envelope, its events mostly valid. */
export const bodyText: fc.Arbitrary<string> = objectOf(
  required('app', mostly(fc.constant({ text: '"inventory"' }))),
  required('key', mostly(fc.constant({ text: JSON.stringify(KEY) }))),
  required(
    'events',
    mostly(
      fc
        .array(anyEvent, { maxLength: 4 })
        .map((all) => ({ text: `[${all.map((one) => one.text).join(',')}]` })),
    ),
  ),
  optional('batch_id', mostly(spelt(fc.constantFrom('batch-0001', 'é'.repeat(8), 'short')))),
  optional('sent_at', mostly(fc.constantFrom('null', '0', ...TIMES).map((time) => ({ text: time })))),
  fc.array(member(anyKey, json), { maxLength: 1 }),
).map(({ text: body }) => body);

/** A body with some bytes put in, taken out or replaced. */
export const damagedBody: fc.Arbitrary<Buffer> = fc
  .tuple(
    bodyText,
    fc.array(
      fc.record({
        at: fc.nat(),
        remove: fc.nat(2),
        insert: fc.oneof(
          fc.constantFrom(
            '"',
            '\\',
            '{',
            '}',
            '[',
            ']',
            ',',
            ':',
            '0',
            '-',
            '.',
            'e',
            ' ',
            'null',
            '\\u',
            '\u0001',
          ),
          fc.constantFrom('\\x', '\\ud800', 'é', '+', '00', 'tru', 'NaN', "'", '/**/', '\ufeff'),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([body, edits]) => {
    let bytes = Buffer.from(body);
    for (const { at, remove, insert } of edits) {
      const place = at % (bytes.length + 1);
      bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(insert), bytes.subarray(place + remove)]);
    }
    return bytes;
  });
