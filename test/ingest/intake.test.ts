/** The intake: what is done for a request, and in which order, counted by what the readers of bodies are asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { GROUP_BODY_BYTES_MAX, KEYLESS_REQUESTS_MAX } from '../../src/domain/limits.js';
import { readExact } from '../../src/ingest/exact-reader.js';
import { Intake, type Taken } from '../../src/ingest/intake.js';
import type { IngestMessage } from '../../src/ingest/messages.js';

const KEY = 'sg_live_key';
const EVENT = { user_id: 'u', session_id: 's', type: 'event', name: 'n' };
const envelope = (over: object = {}) => JSON.stringify({ app: 'a', key: KEY, events: [EVENT], ...over });
/** Left to the exact reader, which is counted. */
const unusual = (over: object = {}) => envelope(over).replace(/}$/, ',"\\u0061":1}');
const keyless = (over: object = {}) =>
  JSON.stringify({ events: [{ ...EVENT, url: 'x'.repeat(5_000) }], app: 'a', key: KEY, ...over });

interface Sent {
  text: string | Buffer;
  sender?: number;
}

function open(apps: readonly string[] = ['a']) {
  const seen = {
    exact: 0,
    answers: [] as [place: number, code: string][],
    groups: [] as number[],
    isReady: true,
    errors: [] as unknown[],
    /** Thrown by the exact reader. */
    fault: undefined as Error | undefined,
  };
  const gone = new Uint8Array(new SharedArrayBuffer(4_096));
  const intake = new Intake({
    gone,
    loadExact: async () => (json) => {
      seen.exact++;
      if (seen.fault) throw seen.fault;
      return readExact(json);
    },
    isReady: () => seen.isReady,
    onError: (error) => seen.errors.push(error),
    take: ({ valid, refusals }: Taken) => {
      if (valid.length > 0) seen.groups.push(valid.length);
      for (const { place } of valid) seen.answers.push([place, 'valid']);
      for (const [place, { code }] of refusals) seen.answers.push([place, code]);
    },
  });
  const limits = { body_bytes: 1_048_576, chunk_bytes: 1, events_per_minute: 0 };
  intake.configure({
    apps: Object.fromEntries(apps.map((app) => [app, { key: KEY + (app === 'a' ? '' : app), origins: [] }])),
    limits,
  });
  let places = 0;
  const push = (...sent: Sent[]) => {
    const bodies = sent.map(({ text }) => Buffer.from(text));
    const message: IngestMessage = {
      kind: 'ingest',
      bytes: new Uint8Array(Buffer.concat(bodies)),
      lengths: bodies.map(({ length }) => length),
      receivedAt: bodies.map(() => 1_800_000_000_000),
      places: bodies.map(() => places++),
      senders: sent.map(({ sender = 0 }) => sender),
      headers: bodies.flatMap((body, index): IngestMessage['headers'] =>
        body[0] === 0x1f ? [[index, { encoding: 'gzip' }]] : [],
      ),
    };
    intake.push(message);
  };
  const answered = async (count: number) => {
    while (seen.answers.length < count) await sleep(1);
    return seen.answers;
  };
  return { intake, gone, seen, push, answered };
}

t.test('a wrong key at the start is refused at once, whatever follows, and nothing is parsed', async (t) => {
  const { seen, push } = open();
  const bodies = [
    unusual({ key: 'wrong', x: '[]' }),
    `{"app":"a","key":"wrong","x":${'['.repeat(450_000)}`,
    envelope({ app: 'nobody' }).slice(0, -1),
  ];
  push(
    ...bodies.flatMap((text) => [
      { text },
      { text: gzipSync(text) },
      { text: gzipSync(text).subarray(0, -7) },
    ]),
  );
  t.same(
    seen.answers.map(([, code]) => code),
    new Array(9).fill('unauthorized_app'),
    'before any turn',
  );
  t.equal(seen.exact, 0);
});

t.test('a body that shows no key is searched, not parsed, and refused', async (t) => {
  const { seen, push, answered } = open();
  const hostile = [
    keyless({ key: 'wrong' }).replace('{', '{"\\u0061":[[[]]],'),
    keyless({ key: undefined }),
    keyless({ app: 5 }),
    `{"events":${'['.repeat(450_000)}`,
    '['.repeat(450_000),
    `{${'"\\u0061":1,'.repeat(50_000)}"b":1}`,
  ];
  push(...hostile.flatMap((text) => [{ text }, { text: gzipSync(text) }]));
  t.equal(seen.answers.length, 0, 'none of them has its turn yet');
  const codes = (await answered(12)).map(([, code]) => code);
  t.same(codes.slice(0, 2), ['unauthorized_app', 'unauthorized_app']);
  t.same(new Set(codes.slice(2)), new Set(['invalid_envelope']));
  t.equal(seen.exact, 0);
});

t.test('one that has its key at the end is taken, after all others', async (t) => {
  const { seen, push, answered } = open();
  seen.isReady = false;
  push({ text: keyless() }, { text: gzipSync(keyless()) }, { text: envelope() });
  push({ text: unusual() });
  await sleep(20);
  t.same(seen.answers, [], 'nothing can be stored');
  seen.isReady = true;
  push({ text: envelope() });
  t.same(
    await answered(5),
    [2, 3, 4, 0, 1].map((place) => [place, 'valid']),
  );
});

t.test('few wait without a key, and one sender has half of the places', async (t) => {
  const { seen, push, answered } = open();
  const hostile = { text: keyless({ key: 'wrong' }) };
  push(...Array.from({ length: 200 }, () => hostile), { ...hostile, sender: 1 });
  t.equal(seen.answers.length, 200 - KEYLESS_REQUESTS_MAX / 2);
  t.same(new Set(seen.answers.map(([, code]) => code)), new Set(['key_not_shown']));
  t.notOk(
    seen.answers.some(([place]) => place === 200),
    'another sender has room',
  );
  const all = await answered(201);
  t.equal(all.filter(([, code]) => code === 'unauthorized_app').length, KEYLESS_REQUESTS_MAX / 2 + 1);
});

t.test('what belongs to a closed connection is dropped before any work', async (t) => {
  const { gone, seen, push, answered } = open();
  gone.fill(1, 0, 4);
  push({ text: unusual() }, { text: keyless() }, { text: envelope({ key: 'wrong' }) }, { text: 'x' });
  t.same(
    seen.answers.map(([, code]) => code),
    new Array(4).fill('client_left'),
    'as they come',
  );
  seen.isReady = false;
  push({ text: unusual() }, { text: keyless() }, { text: unusual() });
  gone.fill(1, 4, 6);
  seen.isReady = true;
  const all = await answered(7);
  t.same(
    all.slice(4).sort(),
    [
      [4, 'client_left'],
      [5, 'client_left'],
      [6, 'valid'],
    ],
    'or as they wait',
  );
  t.equal(seen.exact, 1);
});

t.test('what a reader throws is told to the operator, once in a while', async (t) => {
  const { seen, push, answered } = open();
  seen.fault = new Error('a fault of the reader');
  push({ text: unusual() }, { text: unusual() }, { text: envelope() });
  t.same((await answered(3)).map(([, code]) => code).sort(), ['internal', 'internal', 'valid']);
  t.same(seen.errors, [seen.fault]);
});

t.test('one app cannot take the queue from another', async (t) => {
  const { seen, push } = open(['a', 'b']);
  seen.isReady = false;
  push(...Array.from({ length: 2_000 }, (_, sender) => ({ text: envelope(), sender })));
  const refused = seen.answers.length;
  t.ok(refused > 900, `${refused} of 2,000 are refused`);
  push({ text: envelope({ app: 'b', key: `${KEY}b` }), sender: 3_000 });
  t.equal(seen.answers.length, refused);
});

t.test('a stream that is larger than it says waits for the last turn', async (t) => {
  const { push, answered } = open();
  const lie = gzipSync(envelope({ events: Array.from({ length: 1_000 }, () => EVENT) }));
  lie.writeUInt32LE(100, lie.length - 4);
  const more = gzipSync(envelope({ events: Array.from({ length: 1_000 }, () => EVENT) }));
  more.writeUInt32LE(4_000_000_000, more.length - 4);
  const two = Buffer.concat([gzipSync(unusual().padEnd(50_000)), gzipSync(' ')]);
  push({ text: lie }, { text: more }, { text: two }, { text: envelope() });
  const all = await answered(4);
  t.same(all[0], [3, 'valid']);
  t.same(all.slice(1).sort(), [
    [0, 'bad_request'],
    [1, 'bad_request'],
    [2, 'valid'],
  ]);
});

t.test('a group is bounded by what its bodies are inflated', async (t) => {
  const { seen, push, answered } = open();
  const text = gzipSync(envelope({ x: 'x'.repeat(900_000) }));
  push(...Array.from({ length: 20 }, () => ({ text })));
  await answered(20);
  t.ok(Math.max(...seen.groups) <= Math.ceil(GROUP_BODY_BYTES_MAX / 900_000), `${seen.groups}`);
});
