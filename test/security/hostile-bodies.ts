/** Bodies of `POST /v1/events` that are cheap to send and may be expensive to take, as subjects of the fuzzing by cost. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { createDoor } from '../../src/ingest/door.js';
import { readExact } from '../../src/ingest/exact-reader.js';
import { createIngest } from '../../src/ingest/ingest.js';
import type { IngestRequest } from '../../src/ingest/types.js';
import { createRandom, type Random } from '../model/random.js';
import type { Sent, Subject } from './cost.js';
import { FIXED_BLOCK, gzipOfBits, symbolWithoutLength } from './gzip-bits.js';

const APP = 'inventory';
const KEY = 'sg_live_of_inventory';
const settings = {
  apps: { [APP]: { key: KEY, origins: [] } },
  limits: { body_bytes: 1_048_576, chunk_bytes: 1, events_per_minute: 0 },
};
const door = createDoor(settings);
const ingest = createIngest({ ...settings, readExact });

const unitOf = (random: Random): ((index: number) => string) => {
  const depth = random.between(1, 62);
  const text = random.pick(['x', 'é', '\\u0041', '\\n', '\\ud83d\\ude00', '\u{1F600}', '\\ud800', '\u007f']);
  const length = random.pick([1, 10, 300]);
  return random.pick<(index: number) => string>([
    () => '[]',
    () => '{}',
    () => '0',
    () => '""',
    () => '1e9',
    () => 'null',
    () => ' \n\t ',
    () => '"\\u0061"',
    () => '['.repeat(depth) + ']'.repeat(depth),
    () => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
    (index) => `"${index.toString(36)}"`,
    (index) => `{"${index.toString(36)}":1}`,
    (index) => `{"k${index}":${index}}`,
    () => `"${text.repeat(length)}"`,
    () => '{"__proto__":1}',
    () => '{"constructor":{"prototype":1}}',
  ]);
};

const memberOf = (random: Random): ((index: number) => string) => {
  const unit = unitOf(random);
  return random.pick<(index: number) => string>([
    (index) => `"k${index}":${unit(index) || 1}`,
    (index) => `"${index * 40_001}":1`,
    (index) => `"${index.toString(36)}":1`,
    (index) => `"\\n${index.toString(36)}":1`,
    () => '"k":1',
    () => '"\\u0061":1',
    () => '"app":"x"',
    () => '"key":"x"',
    () => '"\\u006bey":"x"',
    () => '"events":[]',
    () => '"user_id":"u"',
    () => '"props":{}',
  ]);
};

const eventOf = (random: Random): ((index: number) => string) => {
  const usual = '"user_id":"u","session_id":"s","type":"event","name":"n"';
  const unit = unitOf(random);
  const member = memberOf(random);
  return random.pick<(index: number) => string>([
    () => `{${usual}}`,
    (index) => `{${usual.replace('"u"', `"${index.toString(36)}"`)}}`,
    (index) =>
      `{${usual.replace('"n"', `"${index.toString(36)}"`)},"ts":${1_718_200_000_000 + index * 70_000}}`,
    (index) => `{${usual},"props":{"a${index}":${unit(index)}}}`,
    (index) => `{${usual},${member(index)}}`,
    (index) => `{${usual},"user":{"name":"${index}","email":"e"}}`,
    () => '{}',
    unit,
  ]);
};

function filled(bytes: number, unit: (index: number) => string): string {
  const parts: string[] = [];
  for (let length = 0, index = 0; length < bytes; index++) {
    const part = unit(index);
    parts.push(part);
    length += part.length + 1;
  }
  return parts.join(',');
}

/** A body of about this size, with the key at its start. */
function hostileText(random: Random, bytes: number): string {
  const [unit, member, event] = [unitOf(random), memberOf(random), eventOf(random)];
  const one = '{"user_id":"u","session_id":"s","type":"event","name":"n"';
  const content = random.pick([
    () => `"events":[],"x":[${filled(bytes, unit)}]`,
    () => `"events":[],"x":{${filled(bytes, member)}}`,
    () => `"events":[],${filled(bytes, member)}`,
    () => `"events":[${filled(bytes, event)}]`,
    () => `"events":[${one},"props":{"a":[${filled(bytes, unit)}]}}]`,
    () => `"events":[${one},"props":{${filled(bytes, member)}}}]`,
    () => `"events":[${one},${filled(bytes, member)}}]`,
    () => `"events":[]${' '.repeat(bytes)}`,
    () => `"events":[${one.replace('"n"', `"${'\\u0041'.repeat(bytes / 6)}"`)}}]`,
  ])();
  // An unusual member leaves the body to the exact reader; an end that is missing shows only there.
  const end = random.pick(['}', ',"\\u0061":1}', ',"\\u0061":1}', '', ']', '}x']);
  return `{"app":"${APP}","key":"${KEY}",${content}${end}`;
}

const withoutKey = (random: Random, text: string): string => {
  const credentials = `"app":"${APP}","key":"${KEY}",`;
  const wrong = credentials.replace(KEY, 'wrong');
  const rest = text.replace(credentials, '');
  return random.pick([
    () => rest,
    () => text.replace(KEY, 'wrong'),
    () => rest.replace(/}$/, `,${wrong.slice(0, -1)}}`),
    () => `{"x":"${'y'.repeat(5_000)}",${wrong}${rest.slice(1)}`,
    () => rest.slice(1),
    () => `{${Array.from({ length: 100 }, () => wrong).join('')}${rest.slice(1)}`,
  ])();
};

function ordinaryText(bytes: number): string {
  const events = filled(bytes, (index) =>
    JSON.stringify({
      ts: 1_718_200_000_000 + index,
      ...{
        user_id: 'user_17',
        session_id: 'b4c1a2f0-6a0e-4a57-9d6c',
        type: 'event',
        name: `clicked ${index % 9}`,
      },
      ...{
        url: `https://app.example/items/${index}`,
        props: { index, label: `item ${(index * 7_919) % 1_000}` },
      },
    }),
  );
  return `{"app":"${APP}","key":"${KEY}","events":[${events}]}`;
}

const requestOf = (body: Buffer, isGzip: boolean): IngestRequest => ({
  body,
  receivedAt: 1_800_000_000_000,
  ...(isGzip && { encoding: 'gzip' }),
});

function takeWhole(request: IngestRequest): unknown {
  const known = door.look(request)?.known;
  return known === undefined ? undefined : ingest(request, known);
}

const SIZES = [20_000, 200_000, 900_000];
const labelOf = (text: string, more = '') =>
  `${text.slice(0, 150)} … ${text.slice(-40)}, ${text.length} characters${more}`;

/** With the key, all is read; a queue of bodies is bounded by what they are inflated. */
export const WITH_KEY: Subject = {
  name: 'a body with a key',
  ordinary: (bytes) => wholeOf(ordinaryText(bytes)),
  hostile(seed) {
    const random = createRandom(seed);
    return wholeOf(hostileText(random, random.pick(SIZES)));
  },
};

function wholeOf(text: string): Sent {
  const request = requestOf(Buffer.from(text), false);
  return { label: labelOf(text), bytes: request.body.length, work: () => takeWhole(request) };
}

/** Without one, the first look decides, by what was sent; ordinary is an ordinary body of that size, taken in. */
export const WITHOUT_KEY: Subject = {
  name: 'a first look at a body without a key',
  ordinary(bytes) {
    // A tenth is about what gzip leaves of an ordinary body. A larger one must cost no more: it is only looked at.
    const body = gzipSync(ordinaryText(Math.min(bytes, 4_000) * 10));
    return {
      label: 'ordinary',
      bytes: body.length,
      work: () => repeatedly(() => takeWhole(requestOf(body, true))),
    };
  },
  hostile(seed) {
    const random = createRandom(seed);
    const text = withoutKey(random, hostileText(random, random.pick(SIZES)));
    const isGzip = random.oneIn(2);
    const whole = isGzip ? gzipSync(text, { level: random.pick([1, 6, 9]) }) : Buffer.from(text);
    const body = random.oneIn(5) ? whole.subarray(0, whole.length >> 1) : whole;
    const work = () => repeatedly(() => door.look(requestOf(body, isGzip)));
    return { label: labelOf(text, `, ${body.length} bytes sent`), bytes: body.length, work };
  },
};

/** A stream that an attacker makes bit by bit, whatever an encoder would do. */
export const CRAFTED: Subject = {
  name: 'a first look at a crafted gzip stream',
  ordinary: WITHOUT_KEY.ordinary,
  hostile(seed) {
    const random = createRandom(seed);
    const bytes = random.pick([20_000, 200_000, 1_000_000]);
    const bits = (most: number) =>
      Array.from({ length: random.between(1, most) }, () => random.below(2)).join('');
    const [first, repeated] = random.pick<() => [string, string]>([
      () => [FIXED_BLOCK, symbolWithoutLength(random.pick([286, 287]))],
      () => [FIXED_BLOCK, bits(40)],
      () => [`101${bits(400)}`, bits(40)],
      () => [`001${bits(400)}`, bits(40)],
      () => ['', `000${'0'.repeat(5)}${'0'.repeat(16)}${'1'.repeat(16)}`],
      () => ['', '0100000000'],
    ])();
    const body = gzipOfBits(first, repeated, bytes);
    // Some with a name that is long, or never ends.
    if (random.oneIn(4)) body[3] = 8;
    const request = requestOf(body, true);
    const label = `${first} then ${repeated}, ${bytes} bytes`;
    return {
      label,
      bytes,
      work: () => repeatedly(() => [door.look(request), door.showsKeyAtStart(request)]),
    };
  },
};

/** A first look is too short to be measured once. */
function repeatedly(work: () => unknown): unknown {
  let last: unknown;
  for (let run = 0; run < 50; run++) last = work();
  return last;
}

/** The search of the last turn, by what is inflated: its time is bounded, so it must come to an end soon. */
export const SEARCHED: Subject = {
  name: 'the search of a body for its key',
  ordinary: WITH_KEY.ordinary,
  hostile(seed) {
    const random = createRandom(seed);
    const text = withoutKey(random, hostileText(random, random.pick(SIZES)));
    const body = gzipSync(text);
    const bytes = gunzipSync(body).length;
    return { label: labelOf(text), bytes, work: () => door.search(requestOf(body, true)) };
  },
};
