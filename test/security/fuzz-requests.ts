/** Random HTTP requests as bytes: of every route, right ones and ones with something changed, from a seed. */
import { gzipSync } from 'node:zlib';
import type { Random } from '../model/random.js';
import { APP, KEY } from '../support/collector.js';

export interface FuzzRequest {
  /** What goes over the wire. */
  bytes: Buffer;
  /** True for requests that follow HTTP: each of them must be answered. */
  isHttp: boolean;
  method: string;
  path: string;
}

interface Draft {
  method: string;
  path: string;
  query: [name: string, value: string][];
  headers: [name: string, value: string][];
  body?: Buffer;
}

const NUMBERS = [
  '0',
  '1',
  '-1',
  '2',
  '100',
  '501',
  '1e3',
  '1.5',
  ' 1',
  '0x10',
  '00',
  'NaN',
  'Infinity',
  '9007199254740993',
];
const TIMES = ['1718200000000', '281474976710655', '281474976710656', '99999999999999999999', '0', '-0'];
const TEXTS = [
  ...[
    '',
    ' ',
    'a',
    'alice',
    's_1',
    APP,
    'shop',
    'view',
    'view,cart',
    ',',
    ',,a,,b',
    'a,'.repeat(30),
    '.',
    '..',
    '../../etc/passwd',
  ],
  ...[
    '%00',
    '%',
    '%zz',
    '%ff%fe',
    '%ed%a0%80',
    '%F0%9F%98%80',
    '%2e%2e%2f',
    '%0d%0aX-Injected:%201',
    '+',
    'é',
    '\u{1F600}',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'null',
    'undefined',
    'true',
    '[]',
    '{}',
    "'",
    '"',
    '<script>',
  ],
  ...[
    'x'.repeat(129),
    'x'.repeat(300),
    'x'.repeat(5_000),
    '%00'.repeat(50),
    "' OR 1=1 --",
    '$where',
    '*',
    '../',
    '..%5c',
  ],
];
const NAMES = [
  'user',
  'type',
  'app',
  'session',
  'from',
  'to',
  'limit',
  'cursor',
  'steps',
  'seq',
  'ts',
  'sent_at',
  'after',
];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'M-SEARCH'];
const HEADERS: [string, string][] = [
  ['origin', 'https://evil.example'],
  ['origin', 'null'],
  ['origin', ''],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'GZIP, br'],
  ['content-encoding', 'deflate'],
  ['content-type', 'multipart/form-data; boundary='],
  ['content-type', ';;;'],
  ['authorization', 'Basic !!!!'],
  ['authorization', 'Bearer x'],
  ['if-none-match', '*'],
  ['if-none-match', '"x", W/"y"'],
  ['last-event-id', '-1'],
  ['last-event-id', '99999999999999999999'],
  ['range', 'bytes=0-0,-1'],
  ['expect', '100-continue'],
  ['expect', 'nonsense'],
  ['accept', '*/*;q=nan'],
  ['cookie', 'a=b; '.repeat(200)],
  ['x-http-method-override', 'DELETE'],
  ['x-forwarded-for', '127.0.0.1'],
  ['upgrade', 'websocket'],
  ['access-control-request-method', 'POST'],
  ['te', 'trailers'],
  ['x-spyglass-key', ''],
  ['__proto__', 'x'],
];
const JSON_VALUES = [
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '1.5',
  '281474976710656',
  '""',
  '"x"',
  '[]',
  '{}',
  '[[]]',
  '{"a":{}}',
];
const JSON_TEXTS = [
  '"\\ud800"',
  '"\\u0000"',
  '"\\u007f"',
  `"${'x'.repeat(3_000)}"`,
  '{"__proto__":1}',
  '{"constructor":{"prototype":1}}',
];
const FIELDS = [
  'ts',
  'user_id',
  'session_id',
  'type',
  'name',
  'url',
  'props',
  'user',
  'app',
  'key',
  'events',
  'batch_id',
  'sent_at',
];

function eventBody(random: Random): Buffer {
  const events = Array.from({ length: random.between(0, 3) }, () => ({
    ts: 1_718_200_000_000 + random.below(1_000_000),
    user_id: random.pick(['alice', 'bob', 'é']),
    session_id: random.pick(['s_1', '../x', 'a/b']),
    type: random.pick(['event', 'pageview', 'error', 'network', 'bug_report']),
    name: random.pick(['view', 'cart', 'checkout']),
    props: { a: random.below(9), b: [null, { c: 'x' }] },
  }));
  return Buffer.from(
    JSON.stringify({ app: APP, key: KEY, batch_id: `fuzz-${random.below(1_000_000)}`, events }),
  );
}

/** A request as a client means it. */
function rightRequest(random: Random): Draft {
  const session = encodeURIComponent(random.pick(['s_1', '../x', 'a/b', 'none', '.'.repeat(128)]));
  const seq = random.pick(['1', '2', '1000000', '0']);
  const get = (path: string, ...query: [string, string][]): Draft => ({
    method: 'GET',
    path,
    query,
    headers: [],
  });
  return random.pick<() => Draft>([
    () => ({ method: 'POST', path: '/v1/events', query: [], headers: [], body: eventBody(random) }),
    () => ({ method: 'POST', path: '/v1/events', query: [], headers: [], body: eventBody(random) }),
    () => ({
      method: 'POST',
      path: '/v1/events',
      query: [],
      headers: [['content-encoding', 'gzip']],
      body: gzipSync(eventBody(random)),
    }),
    () => ({
      method: 'POST',
      path: '/v1/replay',
      query: [
        ['session', session],
        ['seq', seq],
        ['ts', '1718200000000'],
        ['app', APP],
      ],
      headers: [['x-spyglass-key', KEY]],
      body: gzipSync('[]'),
    }),
    () => ({
      method: 'OPTIONS',
      path: '/v1/events',
      query: [],
      headers: [['origin', 'http://localhost:3000']],
    }),
    () => get('/v1/query/events', ['user', 'alice'], ['type', 'error'], ['limit', '5']),
    () => get('/v1/query/users', ['limit', '5']),
    () => get('/v1/query/sessions', ['user', 'alice']),
    () => get('/v1/query/funnel', ['steps', 'view,cart,checkout'], ['from', '1718200000000']),
    () => get('/v1/query/aggregates', ['to', '1718200000000']),
    () => get(`/v1/sessions/${session}/replay`),
    () => get(`/v1/sessions/${session}/replay/${seq}`, ['app', APP]),
    () => get(`/v1/incidents/${random.between(0, 500)}`),
    () => get('/v1/stream', ['after', '0']),
    () =>
      get(
        random.pick([
          '/',
          '/healthz',
          '/readyz',
          '/metrics',
          '/v1/apps',
          '/openapi.json',
          '/docs',
          '/sdk/x.js',
          '/nothing',
        ]),
      ),
  ])();
}

const anyValue = (random: Random): string => random.pick([...NUMBERS, ...TIMES, ...TEXTS]);

/** Changes a few bytes, or the length. */
function damaged(random: Random, body: Buffer): Buffer {
  const copy = Buffer.from(body);
  const way = random.below(4);
  if (way === 0) return copy.subarray(0, random.below(copy.length + 1));
  if (way === 1) return Buffer.concat([copy, copy.subarray(random.below(copy.length + 1))]);
  for (let n = random.between(1, 6); n > 0 && copy.length > 0; n--)
    copy[random.below(copy.length)] = random.below(256);
  return copy;
}

/** Puts another value in the place of a field's, or anywhere. */
function otherJson(random: Random, body: Buffer): Buffer {
  const text = body.toString('latin1');
  const value = random.pick([...JSON_VALUES, ...JSON_TEXTS, '['.repeat(random.pick([63, 64, 65, 5_000]))]);
  const at = text.indexOf(`"${random.pick(FIELDS)}":`);
  if (at === -1) return Buffer.from(value);
  const colon = text.indexOf(':', at) + 1;
  const end = /[,}\]]/.exec(text.slice(colon))?.index ?? 0;
  return Buffer.from(text.slice(0, colon) + value + text.slice(colon + end), 'latin1');
}

const CHANGES: ((random: Random, draft: Draft) => void)[] = [
  (random, { query }) => {
    const some = query.length > 0 ? random.pick(query) : undefined;
    if (some) some[1] = anyValue(random);
  },
  (random, { query }) => void query.push([random.pick(NAMES), anyValue(random)]),
  (random, { query }) => void query.splice(random.below(query.length + 1), 1),
  (random, draft) => {
    draft.method = random.pick(METHODS);
  },
  (random, { headers }) => void headers.push(random.pick(HEADERS)),
  (random, draft) => {
    const parts = draft.path.split('/');
    parts[random.below(parts.length)] = random.pick(TEXTS).replaceAll(' ', '%20');
    draft.path = `/${parts.join('/')}`.replace(/^\/+/, random.oneIn(5) ? '//' : '/');
  },
  (random, draft) => {
    if (draft.body) draft.body = damaged(random, draft.body);
    else draft.body = Buffer.from(random.pick(JSON_VALUES));
  },
  (random, draft) => {
    if (draft.body) draft.body = otherJson(random, draft.body);
  },
  (random, draft) => {
    if (draft.body && random.oneIn(2)) draft.body = gzipSync(draft.body);
    draft.headers.push(['content-encoding', 'gzip']);
  },
];

function toBytes({ method, path, query, headers, body }: Draft): { bytes: Buffer; target: string } {
  const search = query.map(([name, value]) => `${name}=${value.replaceAll(' ', '%20')}`).join('&');
  const target = search === '' ? path : `${path}?${search}`;
  const length: [string, string][] = body ? [['content-length', String(body.length)]] : [];
  const all: [string, string][] = [['host', '127.0.0.1'], ['connection', 'close'], ...length, ...headers];
  const head = `${method} ${target} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head), body ?? Buffer.alloc(0)]), target };
}

/** The next request of a sequence. One in ten is as it should be; one in twelve is damaged as bytes. */
export function nextRequest(random: Random): FuzzRequest {
  const draft = rightRequest(random);
  if (!random.oneIn(10)) {
    for (let changes = random.between(1, 4); changes > 0; changes--) random.pick(CHANGES)(random, draft);
  }
  const { bytes, target } = toBytes(draft);
  const isHttp = !random.oneIn(12);
  return { bytes: isHttp ? bytes : damaged(random, bytes), isHttp, method: draft.method, path: target };
}
