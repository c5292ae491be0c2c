/** The queue on the HTTP thread: it looks at bodies only while many wait, and nobody takes it whole. */
import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import {
  KEY_CHECK_FROM_BYTES,
  KEY_CHECK_FROM_REQUESTS,
  QUEUE_BYTES_MAX,
  QUEUE_REQUESTS_MAX,
} from '../../src/domain/limits.js';
import type { Refusal } from '../../src/domain/problems.js';
import { createDoor } from '../../src/ingest/door.js';
import type { IngestMessage } from '../../src/ingest/messages.js';
import { openIngestQueue } from '../../src/ingest/queue.js';
import type { IngestRequest } from '../../src/ingest/types.js';

const BODY_BYTES_MAX = 1_048_576;
const REFUSED: Refusal = { code: 'invalid_json', detail: 'no' };

class Socket extends EventEmitter {
  destroyed = false;
  hangUp(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function open() {
  const messages: IngestMessage[] = [];
  const keyCheck = { checks: 0, shows: true };
  const queue = openIngestQueue(
    (message) => messages.push(message),
    BODY_BYTES_MAX,
    () => {
      keyCheck.checks++;
      return keyCheck.shows;
    },
  );
  /** What came of each request, once something has. */
  const outcomes = new Map<string, Refusal | undefined>();
  const send = (name: string, over: Partial<IngestRequest> = {}) => {
    const request = { body: Buffer.from(name), receivedAt: 1, address: '10.0.0.1', ...over };
    void queue.ingest(request).then((refusal) => outcomes.set(name, refusal));
  };
  return { messages, queue, outcomes, send, keyCheck };
}

t.test('a turn is one message, answered in any order', async (t) => {
  const { messages, queue, outcomes, send } = open();
  send('one', { origin: 'https://x' });
  send('two', { address: '10.0.0.2' });
  send('three', { encoding: 'gzip' });
  await nextTurn();
  t.equal(messages.length, 1);
  const [{ bytes, lengths, places, senders, headers } = {} as IngestMessage] = messages;
  t.equal(Buffer.from(bytes).toString(), 'onetwothree');
  t.same(lengths, [3, 3, 5]);
  t.same(headers, [
    [0, { origin: 'https://x' }],
    [2, { encoding: 'gzip' }],
  ]);
  t.ok(senders[0] === senders[2] && senders[0] !== senders[1], `${senders}`);
  const [first = -1, second = -1, third = -1] = places;
  queue.answer({ places: [third], refusals: [[second, REFUSED]] });
  await nextTurn();
  t.same(Object.fromEntries(outcomes), { two: REFUSED, three: undefined }, 'the first still waits');
  t.equal(queue.sizes().queue_requests, 1);
  queue.answer({ places: [first], refusals: [] });
  await queue.idle();
  t.same(queue.sizes(), { queue_requests: 0, queue_bytes: 0 });
});

t.test('a full queue answers 503 and sends nothing on', async (t) => {
  const { messages, outcomes, send, keyCheck } = open();
  for (let n = 0; n < QUEUE_REQUESTS_MAX; n++) send(`${n}`, { address: `10.0.${n >> 8}.${n & 255}` });
  await nextTurn();
  t.equal(messages[0]?.places.length, QUEUE_REQUESTS_MAX);
  t.equal(new Set(messages[0]?.places).size, QUEUE_REQUESTS_MAX);
  const { checks } = keyCheck;
  send('{"this is": no JSON', { address: '10.9.9.9' });
  t.equal(keyCheck.checks, checks, 'it looks at no body');
  await nextTurn();
  t.match([...outcomes], [['{"this is": no JSON', { code: 'queue_full', retryAfterS: 1 }]]);
  t.equal(messages.length, 1);
});

t.test('bodies without a key leave most of its bytes to others', async (t) => {
  const { queue, outcomes, send, keyCheck } = open();
  const zip = gzipSync(Buffer.alloc(BODY_BYTES_MAX));
  keyCheck.shows = false;
  for (let n = 0; n < 100; n++) send(`${n}`, { address: `10.0.0.${n >> 3}`, body: zip, encoding: 'gzip' });
  await nextTurn();
  t.equal(queue.sizes().queue_bytes, KEY_CHECK_FROM_BYTES);
  t.equal(outcomes.size, 100 - KEY_CHECK_FROM_BYTES / BODY_BYTES_MAX);
  keyCheck.shows = true;
  send('shows its key', { address: '10.0.0.0', body: zip, encoding: 'gzip' });
  await nextTurn();
  t.notOk(outcomes.has('shows its key'), 'from the same address');
  t.equal(queue.sizes().queue_requests, 5, 'what was refused holds nothing');
});

t.test('while many wait, only what shows its key in its first 512 bytes is let in', async (t) => {
  const door = createDoor({
    apps: { a: { key: 'right', origins: [] } },
    limits: { body_bytes: BODY_BYTES_MAX, chunk_bytes: 1, events_per_minute: 0 },
  });
  let checks = 0;
  const queue = openIngestQueue(
    () => {},
    BODY_BYTES_MAX,
    (request) => {
      checks++;
      return door.showsKeyAtStart(request);
    },
  );
  const outcomes: (Refusal | undefined)[] = [];
  const send = (text: string, encoding?: string) => {
    const body = encoding === undefined ? Buffer.from(text) : gzipSync(text);
    const request = { body, receivedAt: 1, address: '10.0.0.1', ...(encoding !== undefined && { encoding }) };
    void queue.ingest(request).then((refusal) => outcomes.push(refusal));
  };
  for (let n = 0; n < KEY_CHECK_FROM_REQUESTS; n++) send('no key');
  t.equal(checks, 0, 'in calm no body is looked at');
  const [right, wrong] = ['right', 'wrong'].map((key) => `{"app":"a","key":"${key}","events":[`);
  for (const encoding of [undefined, 'gzip']) {
    for (const text of [wrong, '{"events":[', '[', '']) send(text ?? '', encoding);
  }
  await nextTurn();
  t.match(outcomes, new Array(8).fill({ code: 'key_not_shown' }));
  for (const encoding of [undefined, 'gzip']) send(right ?? '', encoding);
  await nextTurn();
  t.equal(outcomes.length, 8);
  t.equal(queue.sizes().queue_requests, KEY_CHECK_FROM_REQUESTS + 2);
});

t.test('one address takes half of it, by requests or bytes', async (t) => {
  const { outcomes, send } = open();
  for (let n = 0; n < QUEUE_REQUESTS_MAX; n++) send(`${n}`);
  send('another', { address: '10.0.0.2' });
  await nextTurn();
  t.equal(outcomes.size, QUEUE_REQUESTS_MAX / 2, 'the others of the address are refused');
  t.notOk(outcomes.has('another'));

  const large = open();
  for (let n = 0; n < 64; n++) large.send(`${n}`, { body: Buffer.alloc(BODY_BYTES_MAX) });
  large.send('another', { address: '10.0.0.2', body: Buffer.alloc(BODY_BYTES_MAX) });
  await nextTurn();
  t.equal(large.queue.sizes().queue_bytes, QUEUE_BYTES_MAX / 2 + BODY_BYTES_MAX);
  t.notOk(large.outcomes.has('another'));
});

t.test('a body counts with what it says that it is inflated', async (t) => {
  const { queue, send } = open();
  const gzip = gzipSync(Buffer.alloc(500_000));
  send('zip', { body: gzip, encoding: 'gzip' });
  t.equal(queue.sizes().queue_bytes, 500_000);
  send('lie', { body: Buffer.from('....\xff\xff\xff\xff', 'latin1'), encoding: 'gzip' });
  t.equal(queue.sizes().queue_bytes, 500_008, 'one that says too much takes no room of others');
});

t.test('requests of a closed connection are flagged, and only these', async (t) => {
  const { messages, queue, outcomes, send } = open();
  const [gone, stays] = [new Socket(), new Socket()];
  send('answered', { connection: gone });
  send('gone', { connection: gone });
  send('gone too', { connection: gone });
  send('stays', { connection: stays });
  await nextTurn();
  const [answered = -1, ...rest] = messages[0]?.places ?? [];
  queue.answer({ places: [answered], refusals: [] });
  t.equal(gone.listenerCount('close'), 1, 'one listener a connection');
  gone.hangUp();
  t.same(
    rest.map((place) => queue.gone[place]),
    [1, 1, 0],
  );
  send('next', { address: '10.0.0.3' });
  await nextTurn();
  t.same(messages[1]?.places, [answered], 'its place is free again');
  t.equal(queue.gone[answered], 0);
  send('too late', { connection: gone });
  await nextTurn();
  t.match(outcomes.get('too late'), { code: 'client_left' });
  t.equal(messages.length, 2);
});

t.test('a failure answers all, those to come as well', async (t) => {
  const { queue, outcomes, send } = open();
  send('waits');
  queue.refuseAll(REFUSED);
  send('comes');
  await queue.idle();
  t.same([...outcomes.values()], [REFUSED, REFUSED]);
});
