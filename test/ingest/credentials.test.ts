/** The search for app and key against `JSON.parse`: whatever is JSON, both see the same. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { findCredentials } from '../../src/ingest/credentials.js';
import { bodyText, bytesOf, damagedBody } from './bodies.js';

/** What a parser sees; `undefined` where the text is not JSON. */
function parsed(text: string): { app: string; key: string } | 'none' | undefined {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof root !== 'object' || root === null || Array.isArray(root)) return 'none';
  const { app, key } = root as { app?: unknown; key?: unknown };
  return typeof app === 'string' && typeof key === 'string' ? { app, key } : 'none';
}

function assertSame(text: string): boolean {
  const expected = parsed(text);
  if (expected === undefined) return false;
  assert.deepEqual(findCredentials(Buffer.from(text)) ?? 'none', expected, text);
  return expected !== 'none';
}

const space = fc.constantFrom('', '', ' ', '\n\t', ' \r\n ');
const string = fc.constantFrom(
  '"a"',
  '"k\\"ey"',
  '""',
  '"\\u0061"',
  '"é{"',
  '"\\\\"',
  '"]}"',
  '"\\ud83d\\ude00"',
);
const value = fc.oneof(
  string,
  fc.constantFrom(
    '1',
    '-1.5e3',
    'null',
    'true',
    '{}',
    '[]',
    '{"app":"no","key":"no"}',
    '[{"key":"no"},"key"]',
  ),
);
const name = fc
  .constantFrom('"app"', '"key"', '"\\u0061pp"', '"\\u006b\\u0065\\u0079"', '"events"', '"ap"', '"appp"')
  .chain((usual) => fc.constantFrom(usual, usual, '"\\u006Bey"', '"a\\"pp"', '""'));
const member = fc
  .tuple(space, name, space, space, value, space)
  .map(([a, key, b, c, what, d]) => [a, key, b, ':', c, what, d].join(''));
const root = fc.array(member, { maxLength: 8 }).map((members) => `{${members.join(',')}}`);

t.test('members in any order, spelling and number: the last of each name counts', async (t) => {
  let found = 0;
  fc.assert(
    fc.property(root, space, (text, before) => {
      if (assertSame(before + text)) found++;
    }),
    { numRuns: 3_000 },
  );
  t.ok(found > 100, `${found} had both`);
});

t.test('bodies as clients send them, and damaged ones', async () => {
  fc.assert(
    fc.property(bodyText, (text) => void assertSame(text)),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(damagedBody, (bytes) => void assertSame(bytes.toString('utf8'))),
    { numRuns: 500 },
  );
});

t.test('a member that is cut off is not seen, and nothing makes it fail', async (t) => {
  const text = '{"app":"inventory","n":[1,{"key":"no"}],"key":"s\\"k","events":[]}';
  const whole = text.indexOf(',"events"');
  for (let end = 0; end <= text.length; end++) {
    const found = findCredentials(Buffer.from(text.slice(0, end)));
    t.same(found, end >= whole ? { app: 'inventory', key: 's"k' } : undefined, text.slice(0, end));
  }
});

t.test('the first of both, or the last', async (t) => {
  const bytes = bytesOf('{"key":"a","app":"b","key":"c","app":"d"}');
  t.same(findCredentials(bytes, true), { app: 'b', key: 'a' });
  t.same(findCredentials(bytes), { app: 'd', key: 'c' });
});
