/** Events as JSON text: with every field, without, and with `props` that must not be touched. */
import fc from 'fast-check';
import t from 'tap';
import type { JsonText, StoredEvent } from '../../../src/domain/event.js';
import { eventJson, eventsJson, onOneLine } from '../../../src/questions/event-json.js';
import { EVENT } from './fake-store.js';

const event = (over: Partial<StoredEvent> = {}): StoredEvent => ({ ...EVENT, id: 7, ...over });
const props = (text: string) => text as JsonText;

t.test('an event with every field', async (t) => {
  const full = event({
    url: '/a"b\\c',
    props: props('{"amount":1200}'),
    user: { name: 'Ålice', email: 'a@x' },
    client_ts: 5,
  });
  t.same(JSON.parse(eventJson(full)), { ...full, props: { amount: 1200 } });
});

t.test('what is absent is left out', async (t) => {
  t.equal(
    eventJson(event()),
    '{"id":7,"ts":1750000000000,"app":"inventory","user_id":"alice","session_id":"s_1","type":"event","name":"click"}',
  );
});

t.test('props stand there as they were sent, digit for digit', async (t) => {
  const text = '{ "big": 12345678901234567890.10,\n\t"tiny": -0.0e-7, "u": "\\u00e9" }';
  t.ok(eventJson(event({ props: props(text) })).includes(`"props":${text}`));
});

t.test('any text in any field comes back equal', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (text, value) => {
      const written = { ...event({ user_id: text, session_id: text, name: text, url: text }) };
      const json = eventJson({ ...written, props: props(JSON.stringify({ value })) });
      t.same(JSON.parse(json), { ...written, props: JSON.parse(JSON.stringify({ value })) });
    }),
    { numRuns: 200 },
  );
});

t.test('several are an array, none an empty one', async (t) => {
  t.equal(eventsJson([]), '[]');
  t.equal(JSON.parse(eventsJson([event(), event({ id: 8 })])).length, 2);
});

t.test('on one line, JSON means what it meant', async (t) => {
  const pretty = '{\r\n  "a": "x\\ny",\r  "b": [1,\n2]\n}';
  t.notMatch(onOneLine(pretty), /[\r\n]/);
  t.same(JSON.parse(onOneLine(pretty)), JSON.parse(pretty));
  t.equal(onOneLine('{"a":"\u2028"}'), '{"a":"\u2028"}', 'no line break to a server-sent event');
});
