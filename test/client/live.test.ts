/** The live feed of `@spyglass/client`: nothing lost, nothing twice, whatever the stream goes through. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createClient, type LiveMessage } from '../../client/src/index.js';
import { startCollector } from '../support/collector.js';

const event = (name: string, more: object = {}) => ({
  ...{ user_id: 'u', session_id: 's', type: 'event', name, ts: Date.now() },
  ...more,
});

/** A client of streams that are made up: each call of `fetch` takes the next one; where there is none, nothing answers. */
function clientOf(...streams: (() => Response)[]) {
  const asked: string[] = [];
  const client = createClient({
    fetch: async (url) => {
      asked.push(url);
      const stream = streams.shift();
      if (stream === undefined) throw new TypeError('fetch failed');
      return stream();
    },
  });
  return { client, asked };
}

/** A stream that ends after these bytes, or stays silent then. */
function stream(parts: readonly (string | Uint8Array)[], then: 'ends' | 'hangs' = 'ends'): () => Response {
  return () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const part of parts)
          controller.enqueue(typeof part === 'string' ? new TextEncoder().encode(part) : part);
        if (then === 'ends') controller.close();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
}

/** Timers of the test's end at once. */
function hurry(t: Test): void {
  const { setTimeout: later } = globalThis;
  t.intercept(globalThis, 'setTimeout', { value: (act: () => void) => later(act, 0) });
}

async function take(feed: AsyncIterable<LiveMessage>, count: number): Promise<LiveMessage[]> {
  const messages: LiveMessage[] = [];
  for await (const message of feed) if (messages.push(message) === count) break;
  return messages;
}

t.test('events come as they are stored, by the filter, and go on where a restart cut them off', async (t) => {
  const collector = await startCollector();
  t.teardown(collector.close);
  const client = createClient({ url: collector.url });
  await collector.send([event('before')]);
  const stop = new AbortController();
  const ids: number[] = [];
  const kinds = new Set<string>();
  const told = (async () => {
    for await (const message of client.live({ user: 'u' }, { signal: stop.signal })) {
      kinds.add(message.kind);
      if (message.kind !== 'event') continue;
      ids.push(message.event.id);
      if (message.event.name === 'last') stop.abort();
    }
  })();
  const isHeard = async (kind: string) => {
    while (!kinds.has(kind)) await sleep(20);
  };
  await isHeard('position');
  await collector.send([event('one'), event('other', { user_id: 'x' }), event('two')]);
  await collector.restart();
  await collector.send([event('three')]);
  await isHeard('lost');
  await collector.send([event('last')]);
  await told;
  t.same(ids, [2, 4, 5, 6]);
  t.same([...kinds].sort(), ['event', 'lost', 'position']);
});

t.test('from the first event there is; a place that never was is a reset', async (t) => {
  const collector = await startCollector();
  t.teardown(collector.close);
  const client = createClient({ url: collector.url });
  await collector.send([event('one'), event('zwei ü', { props: { text: 'a\n\nb' } })]);
  const [one, two, here] = await take(client.live({}, { after: 0 }), 3);
  t.match(one, { kind: 'event', event: { name: 'one' }, after: 1 });
  t.match(two, { kind: 'event', event: { name: 'zwei ü', props: { text: 'a\n\nb' } }, after: 2 });
  t.same(here, { kind: 'position', after: 2 });
  t.match(await take(client.live({}, { after: 7 }), 1), [{ kind: 'reset', after: 2 }]);
});

t.test('a wrong password is not tried again', async (t) => {
  const collector = await startCollector({ auth: { dashboard_password: 'secret' } });
  t.teardown(collector.close);
  const client = createClient({ url: collector.url, auth: { password: 'guess' } });
  await t.rejects(take(client.live(), 1), { name: 'ProblemError', status: 401 });
});

t.test('frames are read however they are cut, and each resumes behind the last', async (t) => {
  hurry(t);
  const bytes = new TextEncoder().encode('id: 4\ndata: {"id":4,"name":"ü€😀"}\n\nid: 9\n\n');
  const { client, asked } = clientOf(
    stream([...bytes].map((byte) => Uint8Array.of(byte))),
    stream(['event: reset\ndata: {"head":12}\n\n', 'id: 13\ndata: {"id":1']),
    stream(['id: 13\ndata: {"id":13}\n\n']),
  );
  const messages = await take(client.live({ app: 'a' }, { after: 3 }), 6);
  t.match(messages, [
    { kind: 'event', event: { id: 4, name: 'ü€😀' }, after: 4 },
    { kind: 'position', after: 9 },
    { kind: 'lost', error: { status: 0 } },
    { kind: 'reset', after: 12 },
    { kind: 'lost' },
    { kind: 'event', event: { id: 13 } },
  ]);
  t.same(
    asked,
    [3, 9, 12].map((after) => `/v1/stream?app=a&after=${after}`),
  );
});

t.test('it waits longer from try to try, ten seconds at most, and begins anew with a word', async (t) => {
  hurry(t);
  const busy = () =>
    new Response('{"title":"Busy","status":503}', {
      status: 503,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '30' },
    });
  const page = () => new Response('<h1>Sign in</h1>', { headers: { 'content-type': 'text/html' } });
  const { client } = clientOf(stream(['id: 1\n\n']), page, busy);
  const waits = (await take(client.live(), 10)).map((message) =>
    message.kind === 'lost' ? message.retryMs : 0,
  );
  t.same(waits, [0, 500, 1_000, 30_000, 4_000, 8_000, 10_000, 10_000, 10_000, 10_000]);
});

t.test('a stream that is silent is given up', async (t) => {
  hurry(t);
  const { client } = clientOf(stream(['id: 1\n\n'], 'hangs'));
  t.match(await take(client.live(), 2), [{ kind: 'position' }, { kind: 'lost' }]);
});

t.test('it ends when its signal aborts, whatever it is at', async (t) => {
  const { client } = clientOf(stream(['id: 1\n\nid: 2\n\n']));
  for (const kind of ['position', 'lost']) {
    const stop = new AbortController();
    const kinds: string[] = [];
    for await (const message of client.live({}, { signal: stop.signal })) {
      kinds.push(message.kind);
      if (message.kind === kind) stop.abort();
    }
    t.same(kinds, [kind]);
  }
});
