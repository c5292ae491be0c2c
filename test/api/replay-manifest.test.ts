/** `GET /v1/sessions/:id/replay` and `/:seq` from outside. */
import { rm } from 'node:fs/promises';
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { filesWith } from '../support/files.js';
import { apps, ask, event, NOON, problemOf, refusal, store } from '../support/http.js';
import { chunk, chunkAt, manifest, manifestPath, upload } from '../support/replay.js';

const single = await startCollector({ apps: apps('inventory') });
t.teardown(() => single.close());
const c = await startCollector({ apps: apps('inventory', 'shop', 'third') });
t.teardown(() => c.close());

t.test('MAN-01 MAN-10 the example of the reference, when one app is configured', async (t) => {
  await upload(single.url, { app: 'inventory', session: 's_abc', seq: 1, ts: NOON });
  t.same(await manifest(single.url, 's_abc'), {
    session_id: 's_abc',
    chunks: [{ seq: 1, ts: NOON, path: '/v1/sessions/s_abc/replay/1' }],
  });
});

t.test('MAN-01 MAN-02 chunks go by seq, without ts where the upload named none', async (t) => {
  for (const [seq, ts] of [
    [10, NOON - 5],
    [2, undefined],
    [9, NOON + 9],
    [1, NOON + 50],
  ] as const) {
    await upload(single.url, {
      app: 'inventory',
      session: 'mixed',
      seq,
      ...(ts === undefined ? {} : { ts }),
    });
  }
  const { chunks } = await manifest(single.url, 'mixed');
  t.same(
    chunks.map(({ path, ...row }) => row),
    [{ seq: 1, ts: NOON + 50 }, { seq: 2 }, { seq: 9, ts: NOON + 9 }, { seq: 10, ts: NOON - 5 }],
  );
});

t.test('MAN-03 a session without chunks is a 404', async () => {
  await store(c.url, 'inventory', [event({ session_id: 'bare' })]);
  for (const session of ['bare', 'none', '../x', '__proto__', 'x'.repeat(128)]) {
    await refusal(c.url, manifestPath(session), 404);
    await refusal(c.url, manifestPath(session, 'inventory'), 404);
  }
  await upload(c.url, { app: 'shop', session: 'elsewhere', seq: 1 });
  await refusal(c.url, manifestPath('elsewhere', 'inventory'), 404);
});

const PATH = '/v1/sessions/s/replay/1?app=inventory';

t.test('MAN-03 an id no session can have is refused like one that none has', async (t) => {
  for (const id of ['%2e%2e', '%2E', 'a%00b', 'x'.repeat(129), '%ED%A0%80', 'x'.repeat(5_000)]) {
    for (const path of [`/v1/sessions/${id}/replay`, `/v1/sessions/${id}/replay/1`]) {
      const { status, text } = await ask(c.url, path);
      t.ok(status === 400 || status === 404, `${path.slice(0, 40)}: ${status} ${text}`);
    }
  }
});

t.test('MAN-04 MAN-06 the stored bytes, as gzipped JSON, to be asked for again each time', async (t) => {
  const bytes = await upload(c.url, { app: 'inventory', session: 's', seq: 1 });
  for (const headers of [{}, { 'accept-encoding': 'identity' }, { 'accept-encoding': 'gzip, br' }]) {
    const answer = await ask(c.url, PATH, { headers });
    t.equal(answer.status, 200);
    t.ok(answer.bytes.equals(bytes));
    t.match(answer.headers['content-type'], /^application\/json\b/);
    t.equal(answer.headers['content-encoding'], 'gzip');
    t.equal(answer.headers['cache-control'], 'private, no-cache');
  }
  const unpacked = await fetch(c.url + PATH);
  t.same(await unpacked.json(), [{ type: 4, data: 'inventory s 1' }], 'a browser unpacks it by itself');
});

t.test('MAN-05 the ETag changes with the bytes', async (t) => {
  const tag = async () => (await ask(c.url, PATH)).headers.etag ?? '';
  const first = await tag();
  t.match(first, /^(W\/)?"[^"]+"$/);
  t.equal(await tag(), first);
  const again = (etag: string) => ask(c.url, PATH, { headers: { 'if-none-match': etag } });
  const unchanged = await again(first);
  t.equal(unchanged.status, 304);
  t.equal(unchanged.bytes.length, 0);
  t.equal(unchanged.headers.etag, first);
  t.equal((await again(`"other", ${first}`)).status, 304);
  t.equal((await again('"other"')).status, 200);
  await upload(c.url, { app: 'inventory', session: 's', seq: 1 }, chunk('replaced'));
  t.not(await tag(), first);
  const changed = await again(first);
  t.equal(changed.status, 200);
  t.ok(changed.bytes.equals(chunk('replaced')));
});

t.test('MAN-07 a chunk that is not there is a 404', async (t) => {
  await refusal(c.url, '/v1/sessions/s/replay/2?app=inventory', 404);
  await refusal(c.url, '/v1/sessions/s/replay/1000000?app=inventory', 404);
  await refusal(c.url, '/v1/sessions/none/replay/1?app=inventory', 404);
  await refusal(c.url, '/v1/sessions/none/replay/1', 404);
  for (const seq of ['0', '-1', '1.5', 'abc', '1e0', '%31%00', '99999999999999999999']) {
    const answer = await ask(c.url, `/v1/sessions/s/replay/${seq}?app=inventory`);
    t.ok(answer.status === 400 || answer.status === 404, `${seq}: ${answer.status}`);
    problemOf(answer, answer.status);
  }
});

t.test('MAN-08 MAN-10 without app, an id that one app has is that one', async (t) => {
  await store(c.url, 'inventory', [event({ session_id: 'only' })]);
  const bytes = await upload(c.url, { app: 'inventory', session: 'only', seq: 1 });
  const path = '/v1/sessions/only/replay/1';
  t.same(await manifest(c.url, 'only'), {
    session_id: 'only',
    chunks: [{ seq: 1, path: `${path}?app=inventory` }],
  });
  t.same(await manifest(c.url, 'only', 'inventory'), await manifest(c.url, 'only'));
  t.same(await chunkAt(c.url, path), bytes);
  t.same(await chunkAt(c.url, `${path}?app=`), bytes);
  await refusal(c.url, `${path}?app=shop`, 404);
  await refusal(c.url, `${path}?app=nobody`, 404);
});

t.test('MAN-09 an id that several apps have is a 409 that names the parameter', async (t) => {
  for (const app of ['inventory', 'shop']) await upload(c.url, { app, session: 'both', seq: 1 });
  for (const path of ['/v1/sessions/both/replay', '/v1/sessions/both/replay/1']) {
    t.match((await refusal(c.url, path, 409)).detail, /\bapp\b/);
  }
  for (const app of ['inventory', 'shop']) {
    const [row] = (await manifest(c.url, 'both', app)).chunks;
    t.same(await chunkAt(c.url, row?.path ?? ''), chunk(`${app} both 1`));
  }
  await upload(c.url, { app: 'inventory', session: 'event', seq: 1 });
  await store(c.url, 'shop', [event({ session_id: 'event' })]);
  await refusal(c.url, manifestPath('event'), 409);
});

t.test('MAN-11 every path leads to its chunk, whatever the session id', async (t) => {
  for (const session of ['a b', 'a/b', '../x', '%2F', 'a?b=c&app=shop', 'a#b', 'ü€😀', "it's", '"', '1+1']) {
    for (const { url } of [single, c]) {
      const bytes = await upload(url, { app: 'inventory', session, seq: 7 });
      const { session_id, chunks } = await manifest(url, session);
      t.equal(session_id, session);
      const path = chunks[0]?.path ?? '';
      t.equal(
        new URL(path, url).pathname + new URL(path, url).search,
        path,
        'no client folds it into another',
      );
      t.same(await chunkAt(url, path), bytes);
    }
  }
});

t.test('MAN-12 a chunk whose file is lost is a 5xx', async (t) => {
  const bytes = await upload(c.url, { app: 'third', session: 'lost', seq: 1 }, chunk('soon to be lost'));
  const [file = ''] = await filesWith(c.dataDir, bytes);
  await rm(file);
  const answer = await ask(c.url, '/v1/sessions/lost/replay/1');
  t.ok(answer.status >= 500, `${answer.status}`);
  problemOf(answer, answer.status);
  t.notMatch(answer.text, file, 'where the file was is nobody’s business');
});
