/** The dashboard's files: how they are served, and what answers where they were not built. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { ask, problemOf } from '../../support/http.js';
import { serve } from './server.js';

const SCRIPT = 'console.log(1);';

function built(t: Test): string {
  return t.testdir({
    'index.html': '<!doctype html><title>page</title>',
    'frame.html': '<!doctype html><title>frame</title>',
    assets: { 'main-1.js': SCRIPT, 'main-1.js.gz': gzipSync(SCRIPT), 'icon-1.svg': '<svg/>' },
  });
}

t.test('assets are typed, kept for ever, and zipped for those who take it', async (t) => {
  const { url } = await serve(t, { dashboardDir: built(t) });
  const plain = await ask(url, '/assets/main-1.js');
  t.equal(plain.text, SCRIPT);
  t.match(plain.headers, {
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff',
    vary: 'Accept-Encoding',
  });
  const zipped = await ask(url, '/assets/main-1.js', { headers: { 'accept-encoding': 'br, gzip' } });
  t.equal(zipped.headers['content-encoding'], 'gzip');
  t.equal(gunzipSync(zipped.bytes).toString(), SCRIPT);
  const single = await ask(url, '/assets/icon-1.svg', { headers: { 'accept-encoding': 'gzip' } });
  t.equal(single.text, '<svg/>');
  t.notOk('content-encoding' in single.headers);
});

t.test('a build under a collector that runs takes nothing from it', async (t) => {
  const folder = built(t);
  const { url } = await serve(t, { dashboardDir: folder });
  rmSync(folder, { recursive: true });
  t.equal((await ask(url, '/assets/main-1.js')).text, SCRIPT);
  t.match((await ask(url, '/users')).text, '<title>page</title>');
});

t.test('what is no asset is a 404, whatever it is called', async (t) => {
  const { url } = await serve(t, { dashboardDir: built(t) });
  for (const name of ['', 'main-2.js', 'main-1.js.gz', '../index.html', '..%2findex.html', 'a/b', '%2e%2e']) {
    problemOf(await ask(url, `/assets/${name}`), 404);
  }
});

t.test('the page around a recording can be framed by the dashboard alone, and runs nothing', async (t) => {
  const { url } = await serve(t, { dashboardDir: built(t) });
  const { text, headers } = await ask(url, '/assets/frame.html');
  t.match(text, '<title>frame</title>');
  const policy = String(headers['content-security-policy']);
  t.match(policy, /default-src 'none'.*frame-ancestors 'self'.*sandbox allow-same-origin$/);
  t.notMatch(policy, /script-src|connect-src|https?:/);
});

t.test('a dashboard that was not built says so, with the way to build it', async (t) => {
  const { url } = await serve(t, { dashboardDir: t.testdir({}) });
  for (const path of ['/', '/users']) {
    const { status, text, headers } = await ask(url, path);
    t.equal(status, 503);
    t.match(headers['content-type'], /^text\/html/);
    t.match(text, 'npm start');
  }
  problemOf(await ask(url, '/assets/main-1.js'), 404);
});

t.test('the built page names files that are there', async (t) => {
  const folder = join(import.meta.dirname, '../../../dashboard');
  const names = ['index.html', 'frame.html'].flatMap((page) =>
    [...readFileSync(join(folder, page), 'utf8').matchAll(/"\/assets\/([^"]+)"/g)].map(
      ([, name]) => name ?? '',
    ),
  );
  t.ok(names.length >= 4);
  const { url } = await serve(t);
  for (const name of names) t.equal((await ask(url, `/assets/${name}`)).status, 200, name);
});
