/** What two releases are compared by besides the histories' own questions: every route, asked well and badly. */
import type { TestCollector } from '../support/collector.js';
import { basic, event, keyOf, NOON, store } from '../support/http.js';
import type { EventsAnswer, ManifestAnswer } from '../support/rows.js';
import { openStream } from '../support/sse.js';
import type { Step } from './history.js';
import type { Recorder } from './recorder.js';
import { queryOf } from './wire.js';
import { APPS } from './world.js';

/** Opens an app's reads. */
export const readPasswordOf = (app: string): string => `team-${app}`;
export const OPERATOR = 'operator';
export const VIEWER = 'viewer';

const QUERIES = [
  'events',
  'users',
  'sessions',
  'funnel?steps=view,cart',
  'aggregates',
  'names',
  'errors',
  'occurrences?group=a.0123456789ab',
  'activity?user=alice',
].map((query) => `/v1/query/${query}`);
const PATHS = [...QUERIES, '/v1/incidents/1', '/v1/sessions/alice/replay', '/v1/sessions/alice/replay/1'];

const withQuery = (path: string, query: string): string => `${path}${path.includes('?') ? '&' : '?'}${query}`;

/** Parameters that are wrong, or only look so. */
const PARAMETERS = [
  ...['from=abc', 'from=-1', 'from=1.5', 'from=1e3', 'to=281474976710656', 'to=%20', 'from=5&to=4'],
  ...['limit=0', 'limit=-1', 'limit=501', 'limit=99999999999999999999', 'limit=1&limit=2', 'limit='],
  ...['type=foo', 'type=', 'type=error&type=event', 'cursor=abc', 'cursor=MS4x', 'cursor=MDEuMQ', 'cursor='],
  ...['app=', 'app=nobody', 'app=__proto__', 'app=A', `app=${'a'.repeat(65)}`, 'app=a&app=b', 'app=%ff'],
  ...[`user=${'u'.repeat(257)}`, 'user=%00', 'session=..', `session=${'s'.repeat(129)}`, 'prefix=%f0%9f'],
  ...['group=', 'group=a', 'steps=a', 'steps=,,', `steps=${'a,'.repeat(21)}`, 'steps=a,b', 'nonsense=1'],
];

const ODD_PATHS = [
  ...['/v1/query', '/v1/query/', '/v1/query/nothing', '/v1/query/events/', '/v1'],
  ...['/v1/incidents', '/v1/incidents/0', '/v1/incidents/-1', '/v1/incidents/1.5', '/v1/incidents/abc'],
  ...['/v1/incidents/9007199254740993', '/v1/incidents/%31', '/v1/sessions', '/v1/sessions/%/replay'],
  ...['/v1/sessions//replay', '/v1/sessions/a/replay/0', '/v1/sessions/a/replay/x', '/v1/sessions/a/b'],
  ...['/v1/stream?after=x', '/v1/stream?type=foo', '/v1/audit?limit=x', '/healthz', '/readyz', '/v1/apps'],
  ...['/openapi.json', '/sdk/nothing.js', '/v1/erase', '/v1/events', '/v1/replay', '/v1/%2e%2e'],
];

const EVENT = { ts: NOON, user_id: 'alice', session_id: 's', type: 'event', name: 'x' };
const BODIES: unknown[] = [
  ...['', '{', '[]', 'null', '{"app":"a"}', '"\ud800"'],
  ...[
    { app: 'a', key: 'wrong', events: [] },
    { app: 'nobody', key: keyOf('a'), events: [] },
  ],
  ...[
    { ts: -1 },
    { ts: 'x' },
    { ts: 2 ** 48 },
    { user_id: '' },
    { user_id: 'u\u0007' },
    { user_id: 7 },
    { session_id: '..' },
    { session_id: undefined },
    { type: 'foo' },
    { name: '' },
    { props: [] },
    { user: { name: 1 } },
    { url: 1 },
    { props: { ['__proto__']: 1 } },
  ].map((bad) => ({ app: 'a', key: keyOf('a'), events: [EVENT, { ...EVENT, ...bad }] })),
  { app: 'a', key: keyOf('a'), batch_id: 'short', events: [EVENT] },
  { app: 'a', key: keyOf('a'), sent_at: 'x', events: [EVENT] },
  { app: 'a', key: keyOf('a'), events: [] },
];

const UPLOADS = [
  ...['', 'session=a', 'seq=1', 'session=..&seq=1', 'session=a&seq=0', 'session=a&seq=1000001'],
  ...['session=a&seq=1&ts=x', 'session=a&seq=1&app=nobody', 'session=a&seq=1&app=b', 'session=a&seq=1'],
];

const CROSS_SITE = { 'sec-fetch-site': 'cross-site' };
const ORIGIN = { origin: 'https://shop.example', 'access-control-request-method': 'POST' };

/** Asks every route in the wrong way, and in the ways that do not depend on what is stored. */
export async function askBadly({ ask }: Recorder): Promise<void> {
  for (const path of QUERIES) for (const query of PARAMETERS) await ask(withQuery(path, query));
  for (const path of ODD_PATHS) await ask(path);
  for (const path of [...PATHS, '/v1/apps', '/v1/audit', '/v1/stream', '/healthz']) {
    for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) await ask(path, { method });
    await ask(path, { method: 'OPTIONS', headers: ORIGIN });
  }
  for (const path of ['/v1/events', '/v1/replay']) {
    for (const method of ['GET', 'HEAD', 'PUT']) await ask(path, { method });
    await ask(path, { method: 'OPTIONS', headers: ORIGIN });
  }
  for (const body of BODIES) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    await ask('/v1/events', { method: 'POST', body: text, headers: { origin: ORIGIN.origin } });
  }
  for (const query of UPLOADS) {
    const headers = { 'x-spyglass-key': keyOf('a'), 'content-type': 'application/octet-stream' };
    await ask(`/v1/replay?${query}`, { method: 'POST', body: 'no gzip', headers });
  }
  await ask('/v1/replay?session=a&seq=1', { method: 'POST', body: 'x' });
  for (const body of ['', '{}', '{"user":""}', '{"user":1}', '[]', '{"user":"a","app":1}'])
    await ask('/v1/erase', { method: 'POST', body });
  await ask('/v1/erase', { method: 'POST', body: '{"user":"nobody"}', headers: CROSS_SITE });
  // Not often enough to be locked out.
  await ask('/v1/query/events', { headers: { authorization: '' } });
  await ask('/v1/query/events', { headers: { authorization: 'Basic %' } });
  await ask('/v1/query/events', { headers: basic('wrong') });
}

/** Asks what each kind of reader sees. */
export async function askAsReaders({ ask }: Recorder): Promise<void> {
  const readers = [VIEWER, ...APPS.slice(0, 2).map(readPasswordOf)];
  for (const password of readers) {
    const headers = basic(password, 'ann');
    for (const path of [...PATHS, '/v1/apps', '/v1/audit', '/openapi.json']) await ask(path, { headers });
    for (const path of QUERIES) await ask(withQuery(path, 'app=a'), { headers });
    await ask('/v1/erase', { method: 'POST', body: '{"user":"nobody"}', headers });
  }
}

/** Asks for the chunks of every session that the steps recorded, as a player does. */
export async function askForReplays({ ask }: Recorder, steps: readonly Step[]): Promise<void> {
  const recorded = new Map<string, Set<string | undefined>>();
  for (const step of steps) {
    if (step.do !== 'putChunk') continue;
    const { app, session } = step.chunk;
    recorded.set(session, new Set([...(recorded.get(session) ?? [undefined, 'nobody']), app]));
  }
  for (const [session, apps] of recorded) {
    const path = `/v1/sessions/${encodeURIComponent(session)}/replay`;
    await ask(`${path}/999`);
    for (const app of apps) {
      const { status, text } = await ask(`${path}?${queryOf({ app })}`);
      if (status !== 200) continue;
      for (const chunk of (JSON.parse(text) as ManifestAnswer).chunks) {
        const { headers } = await ask(chunk.path);
        await ask(chunk.path, { headers: { 'if-none-match': headers.etag ?? '' } });
        await ask(chunk.path, { method: 'HEAD' });
      }
    }
  }
}

/** Follows the stream of an app over what is stored, and over an event that comes meanwhile, which is the last of all. */
export async function follow(recorder: Recorder, { url }: TestCollector, app: string): Promise<void> {
  const { head } = JSON.parse((await recorder.ask('/v1/query/events?limit=1')).text) as EventsAnswer;
  const last = `end-of-${head}`;
  const open = async (after: number) => {
    const path = `/v1/stream?${queryOf({ after, app })}`;
    return { path, stream: await openStream(url, path, basic(OPERATOR)) };
  };
  const live = await open(head);
  await store(url, app, [event({ name: last, user_id: 'last' })]);
  for (const { path, stream } of [live, await open(0), await open(Math.floor(head / 2))]) {
    await stream.find(({ data = '' }) => data.includes(last));
    stream.close();
    // A frame with nothing but an id comes when it comes.
    const frames = stream.frames.filter((frame) => frame.data !== undefined || frame.event !== undefined);
    recorder.note(`GET ${path}`, frames.map((frame) => JSON.stringify(frame)).join('\n'));
  }
  const beyond = await open(head + 1_000);
  const reset = await beyond.stream.find(({ event }) => event === 'reset');
  beyond.stream.close();
  recorder.note(`GET ${beyond.path}`, JSON.stringify(reset));
}

/** Notes which figures there are for an operator, without what they are. */
export async function noteFigures({ note }: Recorder, { url }: TestCollector): Promise<void> {
  const text = await (await fetch(`${url}/metrics`, { headers: basic(OPERATOR) })).text();
  const described = text.split('\n').filter((line) => /^# (HELP|TYPE) spyglass_/.test(line));
  note('GET /metrics', described.join('\n'));
}
