/** Logged values as text: cut, without end or cycle, and soon done. */
import fc from 'fast-check';
import t from 'tap';
import { briefly, TEXT_MAX } from '../../../sdk/src/replay/brief.js';

/** The mark of a cut, quotes, and what a line of JSON has around a text. */
const MORE = 4;

t.test('a text is cut, wherever it stands', async (t) => {
  const long = 'x'.repeat(50_000);
  const error = new Error(long);
  for (const value of [long, { a: long }, [long], error, new Map([[long, 1]]), { [long]: 1 }])
    t.ok(briefly(value).length <= TEXT_MAX + MORE, briefly(value).slice(0, 30));
  t.equal(briefly('short'), '"short"');
});

t.test('values read as in a console', async (t) => {
  const circle: Record<string, unknown> = { a: 1 };
  circle.self = circle;
  t.equal(
    briefly({ a: [1, null, true, 'b'], n: 5n, u: undefined }),
    '{"a":[1,null,true,"b"],"n":"5n","u":"undefined"}',
  );
  t.equal(briefly({ message: 'no error', id: 5 }), '{"message":"no error","id":5}');
  t.match(briefly(new TypeError('why')), /^"TypeError: why\\n/);
  t.equal(briefly(new Date(0)), '"1970-01-01T00:00:00.000Z"');
  t.match(briefly(circle), /"self":\{"a":1,"self":/);
  t.equal(briefly(Number.NaN), '"NaN"');
  t.match(briefly(new Array(60).fill(0)), /,"… 60 in all"\]$/);
  const node = { nodeType: 1, nodeName: 'P', localName: 'p', attributes: [{ name: 'id', value: 'x' }] };
  t.equal(briefly(node), JSON.stringify('<p id="x">'));
  t.equal(briefly({ nodeType: 'leaf', value: 3 }), '{"nodeType":"leaf","value":3}');
  t.ok(briefly(2n ** 100_000n).length <= TEXT_MAX + MORE);
});

t.test('what throws when it is looked at is no fault', async (t) => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const throwing = {
    get bad() {
      throw new Error('no');
    },
    good: 1,
  };
  t.equal(briefly(proxy), '"?"');
  t.equal(briefly(throwing), '{"bad":"undefined","good":1}');
  t.equal(briefly(Object.create(null)), '{}');
});

t.test('a list is looked at as far as it is kept', async (t) => {
  let looks = 0;
  const watched = new Proxy(new Array(5_000_000).fill(7), {
    get: (target, name) => {
      looks++;
      return Reflect.get(target, name);
    },
  });
  const grid = new Array(3_000).fill(watched);
  briefly({ watched, grid, a: { b: { c: { watched } } } });
  t.ok(looks < 2_000, `${looks}`);
  t.match(briefly(new Uint8Array(5_000_000)), /^\[0,0,.*5000000 in all"\]$/);
});

t.test('whatever is logged, it is JSON or its beginning, and short', async () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withMap: true, withTypedArray: true, withNullPrototype: true }),
      (value) => {
        const text = briefly(value);
        if (!text.endsWith('…')) JSON.parse(text);
        return text.startsWith('"') || text.length <= TEXT_MAX + MORE;
      },
    ),
  );
});
