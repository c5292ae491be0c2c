/** The lines of an export: what is written is what is read. */
import t from 'tap';
import type { JsonText, StoredEvent } from '../../../src/domain/event.js';
import { batchIdLine, endLine, eventLine, headerLine } from '../../../src/store/offline/export-format.js';
import { parseLine } from '../../../src/store/offline/export-parser.js';

const EVENT: StoredEvent = {
  id: 42,
  ts: 1_718_200_000_000,
  app: 'inventory',
  user_id: 'alice',
  session_id: 's_abc',
  type: 'event',
  name: 'invoice_created',
};
const json = (text: string) => text as JsonText;

const EVENTS: Record<string, StoredEvent> = {
  'nothing optional': EVENT,
  everything: {
    ...EVENT,
    url: '/x',
    user: { name: 'A', email: 'a@x' },
    client_ts: 5,
    props: json('{"a":1}'),
  },
  'numbers that doubles cannot hold': { ...EVENT, props: json('{"n":12345678901234567890.10,"e":1E400}') },
  'spaces and order as sent': { ...EVENT, props: json('{ "b" : 1,\t"a":[ ] }') },
  'a name that looks like the field': {
    ...EVENT,
    name: 'x,"props":{"y":1}',
    props: json('{"props":{"props":1}}'),
  },
  'text that ends like the line': { ...EVENT, name: '"}', props: json('{"a":"}}"}') },
  'line breaks and unicode': { ...EVENT, name: 'a\nb\u2028c', user_id: 'é😀', props: json('{"k":"\\n"}') },
};

for (const [title, event] of Object.entries(EVENTS)) {
  t.test(`an event reads back as it was: ${title}`, async (t) => {
    const line = eventLine(event);
    t.notMatch(line, /[\n\r]/);
    t.same(parseLine(line), { kind: 'event', event });
  });
}

t.test('an event in the spelling of another tool reads back with its values', async (t) => {
  const line =
    '{ "props": {"a": [1, {"b": 2}]}, "id": 42, "ts": 7, "app": "x", "user_id": "u", "session_id": "s", "type": "error", "name": "n" }';
  t.match(parseLine(line), { event: { id: 42, app: 'x', type: 'error', props: '{"a":[1,{"b":2}]}' } });
});

t.test('the other lines read back', async (t) => {
  const header = { store: 'abc', after: 3, head: 9 };
  t.same(parseLine(headerLine(header)), { kind: 'header', header });
  const batch = { batchId: 'b-12345678', app: 'inventory', receivedAt: 5, next: 10 };
  t.same(parseLine(batchIdLine(batch)), { kind: 'batch', batch });
  t.same(parseLine(endLine(9, 6)), { kind: 'end', head: 9, events: 6 });
});

t.test('what is no line of an export says why', async (t) => {
  t.throws(() => parseLine('{"id":1'), /JSON/);
  t.throws(() => parseLine('7'), /not an object/);
  t.throws(() => parseLine(JSON.stringify({ ...EVENT, type: 'nonsense' })), /type must be one of/);
  t.throws(() => parseLine(JSON.stringify({ ...EVENT, id: 1.5 })), /id must be a whole number/);
  t.throws(() => parseLine(JSON.stringify({ ...EVENT, id: 0 })), /id must be at least 1/);
  t.throws(() => parseLine(headerLine({ store: '', after: 0, head: 0 })), /store must be a string/);
  t.throws(() => parseLine('{"spyglass_export":2,"store":"x","after":0,"head":0}'), /newer spyglass/);
});
