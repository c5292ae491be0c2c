/** `GET /sdk/…`: the browser SDK, for pages of any origin, without a password. */
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { ask, problemOf } from '../support/http.js';

t.test('the script and its chunks', async (t) => {
  const { url, close } = await startCollector({ auth: { dashboard_password: 'secret' } });
  t.teardown(close);
  const script = await ask(url, '/sdk/spyglass.js', { headers: { origin: 'https://app.example' } });
  t.equal(script.status, 200);
  t.match(script.headers, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, no-cache',
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
    vary: 'Accept-Encoding',
  });
  t.equal(script.headers['content-encoding'], undefined);

  const headers = { 'accept-encoding': 'gzip, br' };
  const gzipped = await ask(url, '/sdk/spyglass.js', { headers });
  t.equal(gzipped.headers['content-encoding'], 'gzip');
  t.equal(gunzipSync(gzipped.bytes).toString(), script.text);

  const { etag = '' } = script.headers;
  const again = await ask(url, '/sdk/spyglass.js', { headers: { 'if-none-match': etag } });
  t.equal(again.status, 304);
  t.equal(again.text, '');

  const [, chunk = ''] = /"(replay-\w+\.js)"/.exec(script.text) ?? [];
  const replay = await ask(url, `/sdk/${chunk}`);
  t.equal(replay.status, 200);
  t.equal(replay.headers['cache-control'], 'public, max-age=31536000, immutable');
});

t.test('nothing else is there', async (t) => {
  const { url, close } = await startCollector();
  t.teardown(close);
  for (const path of [
    '/sdk/',
    '/sdk/spyglass',
    '/sdk/..%2fopenapi.json',
    '/sdk/%2e%2e%2f%2e%2e%2fpackage.json',
  ]) {
    problemOf(await ask(url, path), 404);
  }
  problemOf(await ask(url, '/sdk/spyglass.js', { method: 'POST' }), 405);
});
