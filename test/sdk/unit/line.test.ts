/** Lines: what an app hands over arrives as its JSON, and what has none or is refused costs itself alone. */
import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import t from 'tap';
import { toLine } from '../../../sdk/src/line.js';
import { BODY_BYTES_DEFAULT } from '../../../src/domain/limits.js';
import { readExact } from '../../../src/ingest/exact-reader.js';

const EVENT = { ts: 1_780_000_000_000, user_id: 'u', session_id: 's', type: 'event', name: 'n' };

/** The props that the collector has of an event, which it must take. */
function arrived(props: unknown): Record<string, unknown> {
  const line = toLine(EVENT, props);
  const body = Buffer.from(`{"app":"a","key":"k","events":[${line}]}`);
  if (body.length > BODY_BYTES_DEFAULT - 1_000) throw new Error(`a body of ${body.length} bytes`);
  const { envelope, refusal } = readExact(body);
  const refused = refusal ?? envelope?.content().refusal;
  if (refused) throw new Error(`${refused.detail} ${JSON.stringify(refused.errors)} ${line}`);
  return JSON.parse(line).props;
}

/** An object in an object, so many levels in all. */
function nested(levels: number, end: unknown = 1): Record<string, unknown> {
  let inner: Record<string, unknown> = { end };
  for (let level = 1; level < levels; level++) inner = { n: inner };
  return inner;
}

const throws = () => {
  throw new Error('no');
};

class Node {
  owner: unknown = this;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

t.test('what is JSON arrives as it is', async (t) => {
  class Money {
    cents: number;
    constructor(cents: number) {
      this.cents = cents;
    }
    toJSON = () => ({ cents: this.cents });
  }
  for (const props of [
    {},
    { text: '{[{["__proto__":{', list: Array.from({ length: 500 }, (_, id) => [{ id }]) },
    { '': { 'a.b': 1 }, constructor: 7, prototype: { prototype: 1 } },
    { constructor: { name: 'prototype' }, key: '"__proto__":' },
    {
      undefined: undefined,
      f() {},
      date: new Date(0),
      map: new Map([[1, 2]]),
      nan: Number.NaN,
      hole: Array(2),
    },
    { money: new Money(5), list: [undefined, Symbol('s'), new Money(7)] },
    nested(61),
    Object.assign(Object.create(null), { bare: true }),
  ]) {
    t.same(arrived(props), JSON.parse(JSON.stringify(props)));
  }
  t.equal(arrived(undefined), undefined);
  t.equal(arrived(null), undefined);
  t.equal(arrived({ half: 'a\ud83d' }).half, 'a');
});

t.test('a bad value costs itself, and is named', async (t) => {
  const circle: Record<string, unknown> = { total: 5 };
  circle.self = circle;
  const list: unknown[] = [1];
  list.push(list);
  const twice = { id: 1 };
  const proxy = revoked();
  const date = new Date(Number.NaN);
  const cases: [props: object, kept: object, ...invalid: string[]][] = [
    [{ a: 10n, b: 1, c: 0n }, { b: 1 }, 'a', 'c'],
    [{ order: circle, b: [twice, twice] }, { b: [twice, twice] }, 'order'],
    [{ list, b: 1 }, { b: 1 }, 'list'],
    [{ node: new Node(), b: 1, date }, { b: 1, date: null }, 'node'],
    [
      Object.defineProperty({ b: { toJSON: throws }, c: { d: new Date(0) } }, 'bad', {
        get: throws,
        enumerable: true,
      }),
      { c: { d: new Date(0).toJSON() } },
      'b',
      'bad',
    ],
    [{ proxy, b: { c: [{ d: 1n, e: 2 }] }, f: null }, { f: null }, 'proxy', 'b'],
    [
      JSON.parse('{"__proto__": {"a": 1}, "b": {"__proto__": 1, "c": 2}, "d": 1}'),
      { d: 1 },
      '__proto__',
      'b',
    ],
    [{ constructor: { prototype: 1, name: 'x' }, b: 1 }, { b: 1 }, 'constructor'],
    [{ a: new Map([[1, 2]]), f() {}, s: Symbol('s'), b: 1n }, { a: {} }, 'b'],
    [{ deep: nested(61), rows: Array(100).fill({ a: [1] }) }, { rows: Array(100).fill({ a: [1] }) }, 'deep'],
    [{ deeper: nested(20_000), '": {[': '\\"{[' }, { '": {[': '\\"{[' }, 'deeper'],
    [{ frame: runInNewContext('({ a: 1, b: 2n })'), b: 1 }, { b: 1 }, 'frame'],
  ];
  for (const [props, kept, ...invalid] of cases) {
    const { $invalid, ...others } = arrived(props);
    t.same($invalid, invalid);
    t.equal(JSON.stringify(others), JSON.stringify(kept));
  }
});

t.test('props that are no object are named as a whole', async (t) => {
  for (const props of [
    'just words',
    '',
    7,
    0,
    false,
    [1, 2, 3],
    [1n],
    5n,
    throws,
    Symbol('s'),
    new Date(0),
    { toJSON: () => 'x' },
    revoked(),
  ]) {
    t.same(arrived(props), { $invalid: ['*'] });
  }
});

t.test('however much is bad, what is said of it is short', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${at}`.padEnd(500, 'x'), 1n]));
  const { $invalid } = arrived(many) as { $invalid: string[] };
  t.equal($invalid.length, 20);
  t.ok($invalid.every((path) => path.length === 200));
  const list = Array(4e9);
  t.same(arrived({ c: 1, list, d: 1n }), { c: 1, $invalid: ['list', 'd'] });
});

t.test('what has no room in a body is left out, whatever its characters and parts', async (t) => {
  const small = { a: 1, text: 'x'.repeat(900_000), list: Array(5_000).fill('row'), z: { b: 2 } };
  t.same(arrived(small), small, 'what has room is given whole');
  const { list: _, ...others } = small;
  for (const large of [
    'x'.repeat(1_100_000),
    'é'.repeat(500_000),
    '漢'.repeat(340_000),
    '\u0001'.repeat(200_000),
  ]) {
    t.same(arrived({ large, ...others }), { ...others, $invalid: ['large'] });
    t.same(arrived({ ...others, list: [{ large }], more: true }), {
      ...others,
      more: true,
      $invalid: ['list'],
    });
  }
  t.same(arrived({ one: 'x'.repeat(600_000), two: 'x'.repeat(600_000), b: 1n }), {
    one: 'x'.repeat(600_000),
    $invalid: ['two', 'b'],
  });
  const many = Object.fromEntries(
    Array.from({ length: 90_000 }, (_, at) => [`a key of some length ${at}`, at]),
  );
  t.equal((arrived(many).$invalid as string[]).length, 20);
  t.same(arrived('x'.repeat(2_000_000)), { $invalid: ['*'] });
});

t.test('whatever is put into JSON, the rest of it arrives', async () => {
  const bad = [
    1n,
    new Node(),
    { toJSON: throws },
    [[2n]],
    { deep: nested(61) },
    JSON.parse('{"__proto__":1}'),
  ];
  const value = fc.oneof(
    fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__":')),
    fc.constantFrom(...bad),
  );
  const key = fc.string({ unit: 'binary', maxLength: 8 }).filter((key) => key !== '__proto__');
  fc.assert(
    fc.property(fc.dictionary(key, value), (props) => {
      const isBad = (value: unknown) => bad.includes(value as never);
      const good = Object.fromEntries(Object.entries(props).filter(([, value]) => !isBad(value)));
      const { $invalid = [], ...others } = arrived(props) as { $invalid?: string[] };
      const written = (value: object) => JSON.stringify(value).replace(/(\\\\)|\\ud[89a-f]../g, '$1');
      assert.equal(JSON.stringify(others), written(good));
      const names = Object.keys(props).filter((key) => isBad(props[key]));
      assert.equal(JSON.stringify($invalid), written(names.slice(0, 20)));
    }),
    { numRuns: 500 },
  );
});
