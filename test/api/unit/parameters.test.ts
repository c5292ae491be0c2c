/** Query strings and cursors: from the text of a URL to values, or to what is wrong with them. */
import fc from 'fast-check';
import t from 'tap';
import type { z } from 'zod';
import { parseQueryString } from '../../../src/api/query-string.js';
import { MAX_ID, MAX_TS } from '../../../src/domain/limits.js';
import { cursorOf, parseCursor } from '../../../src/questions/cursor.js';
import { QUESTIONS } from '../../../src/questions/index.js';

const eventsAsk = QUESTIONS.events.ask;
const funnelAsk = QUESTIONS.funnel.ask;

const parse = (text: string) => ({ ...parseQueryString(text) });

t.test('a query string is read as forms are written', async (t) => {
  t.same(parse(''), {});
  t.same(parse('a=1&b=x+y&c=%2B%26%3D'), { a: '1', b: 'x y', c: '+&=' });
  t.same(parse('a=b=c&&=x&d'), { a: 'b=c' }, 'odd pieces do no harm');
  t.same(parse('%C3%A9=%C3%A9'), { é: 'é' });
});

t.test('empty is absent, unless there is another', async (t) => {
  t.same(parse('a=&b=1'), { b: '1' });
  t.same(parse('a=&a=1'), { a: ['', '1'] });
});

t.test('given twice, and badly encoded, stay visible', async (t) => {
  t.same(parse('a=1&a=2&a=3'), { a: ['1', '2', '3'] });
  t.same(parse('a=%ff&b=%ED%A0%80&c=%4'), { a: null, b: null, c: null });
});

t.test('names that objects inherit are names like others', async (t) => {
  const parameters = parseQueryString('__proto__=x&toString=y');
  t.equal(Object.getPrototypeOf(parameters), null);
  t.same(Object.keys(parameters), ['__proto__', 'toString']);
});

t.test('whatever URLSearchParams writes is read back', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      t.equal(parseQueryString(new URLSearchParams({ a: text }).toString()).a, text);
    }),
  );
});

/** The complaints about a parameter, by name. */
function complaints(schema: z.ZodObject, text: string) {
  const result = schema.safeParse(parseQueryString(text));
  return result.success
    ? {}
    : Object.fromEntries(result.error.issues.map((issue) => [issue.path[0], issue.message]));
}

t.test('every parameter that is wrong is named, with what it must be', async (t) => {
  t.same(complaints(eventsAsk, 'from=abc&limit=0&type=foo&user=%ff&app=a&app=b&cursor=xyz'), {
    from: `must be a whole number from 0 to ${MAX_TS}`,
    limit: 'must be a positive whole number',
    type: 'must be one of event, pageview, error, network, bug_report',
    user: 'is not percent-encoded UTF-8',
    app: 'was given more than once',
    cursor: 'must be a next_cursor of an earlier answer',
  });
  t.same(complaints(funnelAsk, 'app=x'), { steps: 'is required' });
});

t.test('numbers are plain decimals within their bounds', async (t) => {
  for (const from of [
    '-1',
    '1.0',
    '1e3',
    '0x1',
    '01',
    '+1',
    ' 1',
    '1_0',
    '٣',
    String(MAX_TS + 1),
    '9'.repeat(400),
  ]) {
    t.match(complaints(eventsAsk, new URLSearchParams({ from }).toString()), { from: /whole number/ }, from);
  }
  t.same(eventsAsk.parse(parseQueryString(`from=0&to=${MAX_TS}`)), { from: 0, to: MAX_TS, limit: 100 });
});

t.test('a limit has a default and a cap', async (t) => {
  const limit = (text: string) => eventsAsk.parse(parseQueryString(text)).limit;
  t.equal(limit(''), 100);
  t.equal(limit('limit='), 100);
  t.equal(limit('limit=500'), 500);
  t.equal(limit(`limit=${'9'.repeat(400)}`), 500);
  t.equal(QUESTIONS.aggregates.ask.parse({ limit: '1000' }).limit, 100);
});

t.test('the steps of a funnel', async (t) => {
  const steps = (text: string) => funnelAsk.parse({ steps: text }).steps;
  t.same(steps(' a , ,b,a,,'), ['a', 'b', 'a']);
  t.equal(steps(Array(20).fill('x').join()).length, 20);
  for (const text of ['a', 'a,', ',', Array(21).fill('x').join()]) {
    t.match(complaints(funnelAsk, `steps=${text}`), { steps: /2 to 20/ }, text);
  }
});

t.test('an id longer than any can be is one that nobody has', async (t) => {
  const query = eventsAsk.parse({ user: 'u'.repeat(257), session: 's'.repeat(129), app: 'a'.repeat(65) });
  t.match(query, { user: '\0', session: '\0', app: '\0' });
  const longest = { user: 'u'.repeat(256), session: 's'.repeat(128), app: 'a'.repeat(64) };
  t.match(eventsAsk.parse(longest), longest);
});

t.test('an id beyond what numbers hold is greater than any', async (t) => {
  t.equal(QUESTIONS.incident.ask.parse({ event_id: '9'.repeat(40) }).event_id, MAX_ID);
  t.throws(() => QUESTIONS.incident.ask.parse({ event_id: '0' }));
});

t.test('a cursor says where it was made, and nothing else is one', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: MAX_TS }), fc.integer({ min: 1, max: MAX_ID }), (ts, id) => {
      t.same(parseCursor(cursorOf({ ts, id })), { ts, id });
    }),
  );
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  for (const text of [
    '',
    '%',
    'x'.repeat(1_000),
    encode('1'),
    encode('1.0'),
    encode('01.1'),
    encode('1.2.3'),
  ]) {
    t.equal(parseCursor(text), undefined, text);
  }
  t.equal(parseCursor(`${encode('1.1')}=`), undefined, 'not as we write them');
  t.equal(parseCursor(encode(`${MAX_TS + 1}.1`)), undefined);
});
