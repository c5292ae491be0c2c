/**
 * Serves the example shop: `npm run example` beside a running collector. Takes app and key from the collector's
 * `/v1/apps`, or, where that asks for a password, from `--app` and `--key`.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const PAGE = fileURLToPath(new URL('./page/', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

const PRODUCTS = [
  { id: 'mug', name: 'Enamel mug', sign: '☕', price: 14, stock: 12 },
  { id: 'lamp', name: 'Desk lamp', sign: '💡', price: 49, stock: 4 },
  { id: 'plant', name: 'Office fern', sign: '🌿', price: 22, stock: 7 },
  { id: 'chair', name: 'Reading chair', sign: '🪑', price: 189, stock: 2 },
  { id: 'clock', name: 'Wall clock', sign: '🕰️', price: 35, stock: 9 },
  { id: 'bag', name: 'Canvas bag', sign: '🎒', price: 58, stock: 5 },
];

const { values } = parseArgs({
  options: {
    collector: { type: 'string', default: 'http://127.0.0.1:7474' },
    port: { type: 'string', default: '3300' },
    app: { type: 'string' },
    key: { type: 'string' },
  },
});
const collector = values.collector.replace(/\/+$/, '');
const { app, key } = await identity();

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://shop');
  try {
    if (pathname.startsWith('/api/')) return await answer(request, response, pathname);
    const file = /^\/[\w-]+\.(js|css)$/.test(pathname) ? pathname : '/index.html';
    send(response, 200, await pageFile(file), TYPES[extname(file)]);
  } catch (error) {
    send(response, 500, String(error), 'text/plain');
  }
});
server.on('error', (error) => fail(error.message));
server.listen(Number(values.port), '127.0.0.1', () => {
  console.log(`The shop is open: http://127.0.0.1:${server.address().port}/`);
  console.log(`What happens in it shows at ${collector}/ as app "${app}". Ctrl-C closes it.`);
});

/** Which app's events the shop sends. */
async function identity() {
  if (values.app !== undefined && values.key !== undefined) return { app: values.app, key: values.key };
  const response = await fetch(`${collector}/v1/apps`).catch(() => undefined);
  if (response === undefined)
    return fail(`No collector answers at ${collector}. Start one with \`npm start\`.`);
  if (response.status === 401)
    return fail('The collector asks for a password: name an app of it by --app and --key.');
  const { apps } = await response.json();
  const found = apps.find(({ name }) => values.app === undefined || name === values.app);
  if (found === undefined) return fail(`The collector has no app "${values.app}".`);
  return { app: found.name, key: found.key };
}

/** A page's file; the one line that brings in the SDK is filled in here. */
async function pageFile(file) {
  const text = await readFile(join(PAGE, file), 'utf8');
  const values = { COLLECTOR: collector, APP: app, KEY: key };
  return text.replace(/\{\{(\w+)\}\}/g, (_, name) => escapeAttribute(values[name]));
}

/** The shop's own API, which fails as real ones do. */
async function answer(request, response, pathname) {
  const json = (status, value) => send(response, status, JSON.stringify(value), 'application/json');
  if (pathname === '/api/products') return json(200, { products: PRODUCTS });
  const [, id] = /^\/api\/stock\/(\w+)$/.exec(pathname) ?? [];
  if (id !== undefined) {
    const product = PRODUCTS.find((one) => one.id === id);
    return product ? json(200, { id, stock: product.stock }) : json(404, { error: 'no such product' });
  }
  if (pathname !== '/api/orders') return json(404, { error: 'not found' });
  let body = '';
  for await (const chunk of request) body += chunk;
  const { items, coupon } = JSON.parse(body);
  if (coupon) return json(500, { error: 'the coupon service does not answer' });
  return json(201, { order: `A-${1_000 + items.length}` });
}

function send(response, status, body, type) {
  response.writeHead(status, {
    'Content-Type': `${type}; charset=utf-8`,
    'Cache-Control': 'no-store',
    // All that the SDK needs of a policy: to load its files from the collector, and to send there.
    'Content-Security-Policy': `default-src 'self'; script-src 'self' ${collector}; connect-src 'self' ${collector}; img-src 'self' data:; frame-ancestors 'none'`,
  });
  response.end(body);
}

function escapeAttribute(text) {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
