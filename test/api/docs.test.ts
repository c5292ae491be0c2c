/** docs/api.md: each of its examples gives the answer it shows, and no route is left out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { startCollector } from '../support/collector.js';
import { openStream } from '../support/sse.js';

const SHOWN = 'http://127.0.0.1:7474';
/** What depends on the machine and the moment. */
const VARYING: ReadonlySet<string> = new Set(['at', 'version', 'file_bytes_before', 'file_bytes_after']);

const text = readFileSync(join(process.cwd(), 'docs/api.md'), 'utf8');
const sections = text
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const [, route = ''] = /^`([^`]+)`/.exec(section) ?? [];
    const [, example = ''] = /```console\n\$ (.*?)\n```/s.exec(section) ?? [];
    return { route, example };
  });

const apps = { inventory: { key: 'sg_live_example', origins: [] } };
const collector = await startCollector({ apps });
t.teardown(() => collector.close());

interface Command {
  url: string;
  init: { method?: string; body?: string | Buffer; headers: Record<string, string> };
  /** Only the status line is shown. */
  isStatus: boolean;
  /** The lines after the command. */
  answer: string;
}

/** Takes an example apart: words without blanks or in single quotes, up to the address and the options behind it. */
function parse(example: string): Command {
  const init: Command['init'] = { headers: {} };
  let isStatus = false;
  let url = '';
  let at = 0;
  let piped: Buffer | undefined;
  const word = (): string | undefined => {
    // A line that ends within no quotes, and not in a pipe, ends the command.
    const found = /^(?: |\|\n)*(?:'([^']*)'|([^\s']+))/.exec(example.slice(at));
    at += found?.[0].length ?? 0;
    return found?.[1] ?? found?.[2];
  };
  for (let next = word(); next !== undefined; next = word()) {
    if (next === 'printf') {
      word();
      piped = gzipSync(word() ?? '');
    } else if (next === '-i') isStatus = true;
    else if (next === '-H') {
      const [name = '', value = ''] = word()?.split(': ') ?? [];
      init.headers[name] = value;
    } else if (next === '-d' || next === '--data-binary') {
      const body = word() ?? '';
      init.method = 'POST';
      init.body = next === '-d' ? body : (piped ?? '');
    } else if (next.startsWith(SHOWN)) url = next.replace(SHOWN, collector.url);
  }
  return { url, init, isStatus, answer: example.slice(at + 1) };
}

/** The value with what varies replaced by what it is. */
const settled = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, inner) => (VARYING.has(key) ? typeof inner : inner)));

t.test('every route has an example, and every example a route', async (t) => {
  const { paths } = (await (await collector.get('/openapi.json')).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.same(sections.map(({ route }) => route).sort(), routes.sort());
});

for (const { route, example } of sections) {
  t.test(route, async (t) => {
    const { url, init, isStatus, answer } = parse(example);
    t.equal(init.method ?? 'GET', route.split(' ')[0]);
    const path = (route.split(' ')[1] ?? '').replace(/\{\w+\}/g, '[^/]+');
    t.match(new URL(url).pathname, new RegExp(`^${path}$`));
    if (route === 'GET /v1/stream') {
      const stream = await openStream(collector.url, url.slice(collector.url.length));
      const { id, data } = await stream.find((frame) => frame.data !== undefined);
      stream.close();
      t.equal(`id: ${id}\ndata: ${data}`, answer);
      return;
    }
    const response = await fetch(url, init);
    const body = await response.text();
    if (isStatus) t.equal(`HTTP/1.1 ${response.status} ${response.statusText}`, answer);
    else if (/^[[{]/.test(answer)) t.same(settled(JSON.parse(body)), settled(JSON.parse(answer)));
    else for (const line of answer.split('\n')) t.ok(body.includes(line), line);
  });
}
