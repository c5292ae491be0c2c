/** Queries and replay chunks that are cheap to send and may be expensive to take, as subjects of the fuzzing by cost. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createRandom, type Random } from '../model/random.js';
import { APP, KEY, startCollector } from '../support/collector.js';
import { fillStore } from '../support/stores.js';
import type { Sent, Subject } from './cost.js';

/** What an ordinary page of the dashboard asks of each route. */
const ORDINARY: Readonly<Record<string, string>> = {
  '/v1/query/events': '?limit=100',
  '/v1/query/users': '?limit=100',
  '/v1/query/sessions': '?limit=100',
  '/v1/query/funnel': '?steps=view,cart,paid',
  '/v1/query/aggregates': '?limit=10',
  '/v1/query/names': '?limit=100',
  '/v1/query/activity': '?user=alice',
  '/v1/query/errors': '?limit=100',
  '/v1/query/occurrences': '?group=inventory.000000000000000000000000&limit=100',
  '/v1/events/': '1',
  '/v1/incidents/': '1',
  '/v1/sessions/': 's/replay',
};
const ROUTES = Object.keys(ORDINARY);
/** Node takes no longer address. */
const PATH_MAX = 14_000;

export interface Requests {
  queries: Subject;
  chunks: Subject;
  close(): Promise<void>;
}

/** Starts a collector whose store has a week of a small app, and answers with what may be sent to it. */
export async function hostileRequests(): Promise<Requests> {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-cost-'));
  await fillStore(dataDir);
  const collector = await startCollector({ dataDir });
  const ask = async (path: string, init?: RequestInit): Promise<number> => {
    const answer = await collector.get(path, init);
    await answer.arrayBuffer();
    return answer.status;
  };
  const mustBeTaken = (sent: Sent): Sent => ({
    ...sent,
    work: async () => assert.ok([200, 204].includes((await sent.work()) as number), sent.label),
  });
  const asked = (path: string): Sent => ({
    label: path.slice(0, 120),
    bytes: path.length,
    work: () => ask(path),
  });
  const sent = (label: string, bytes: Buffer, headers: Record<string, string> = {}): Sent => ({
    label: `${label}, ${bytes.length} bytes`,
    bytes: bytes.length,
    work: () =>
      ask(`/v1/replay?app=${APP}&session=cost&seq=1`, {
        method: 'POST',
        body: new Uint8Array(bytes),
        headers: { 'x-spyglass-key': KEY, ...headers },
      }),
  });
  return {
    queries: {
      name: 'queries',
      ordinary: () => mustBeTaken(asked('/v1/query/events?limit=100')),
      hostile: (seed) => asked(hostilePath(createRandom(seed))),
    },
    chunks: {
      name: 'replay chunks',
      ordinary: (bytes) => mustBeTaken(sent('random', gzipSync(randomBytes(bytes)))),
      hostile: (seed) => {
        const random = createRandom(seed);
        const [label, bytes] = hostileChunk(random);
        const headers = random.pick<Record<string, string>>([
          {},
          { 'content-encoding': 'gzip' },
          { 'content-encoding': 'gzip, gzip' },
          { 'content-type': 'application/json' },
          { 'x-spyglass-key': 'k'.repeat(random.between(1, 8_000)) },
        ]);
        return sent(`${label} ${JSON.stringify(headers).slice(0, 60)}`, bytes, headers);
      },
    },
    close: collector.close,
  };
}

const textOf = (random: Random, max: number): string =>
  random
    .pick(['a', 'é', '%', ',', '\u{1F600}', '\u0000', '.*', '\\', '"', '../', '[', '+'])
    .repeat(random.between(1, max));

function makeValue(random: Random): string {
  const text = textOf(random, random.pick([1, 20, 2_000]));
  return random.pick([
    text,
    Array.from({ length: random.between(1, 300) }, (_, n) => `s${n}`).join(','),
    ','.repeat(random.between(1, 3_000)),
    Buffer.from(text).toString('base64url'),
    String(random.pick([0, 1, -1, 2 ** 48 - 1, 2 ** 53, 1e300, 500, 501])),
    '9'.repeat(random.between(1, 4_000)),
  ]);
}

function hostilePath(random: Random): string {
  const route = random.pick(ROUTES);
  if (!route.startsWith('/v1/query/'))
    return (route + encodeURIComponent(makeValue(random))).slice(0, PATH_MAX);
  const names = [
    'app',
    'user',
    'session',
    'type',
    'from',
    'to',
    'limit',
    'cursor',
    'steps',
    'prefix',
    'group',
    'x',
  ];
  const query = Array.from({ length: random.pick([1, 2, 4, 400]) }, () => {
    return `${random.pick(names)}=${encodeURIComponent(makeValue(random))}`;
  });
  const own = random.oneIn(2) ? `${ORDINARY[route]}&` : '?';
  return (route + own + query.join('&')).slice(0, PATH_MAX).replace(/%.?$/, '');
}

function hostileChunk(random: Random): [label: string, bytes: Buffer] {
  const size = random.pick([20, 1_000, 60_000, 600_000]);
  return random.pick<() => [string, Buffer]>([
    () => ['zeros, packed', gzipSync(Buffer.alloc(size * 500))],
    () => ['packed twice', gzipSync(gzipSync(Buffer.alloc(size * 500)))],
    () => ['zeros', Buffer.alloc(size)],
    () => ['cut off', gzipSync(randomBytes(size)).subarray(0, size - 5)],
    () => ['many members', Buffer.concat(Array.from({ length: Math.ceil(size / 20) }, () => gzipSync('')))],
    () => ['brackets', gzipSync('['.repeat(size * 100))],
    () => ['plain JSON', Buffer.from('['.repeat(size))],
  ])();
}
