/**
 * What a developer's browser talks to instead of the collector: passes every request on, holds it while the collector is started
 * anew, and then makes the pages reload. All that is injected lives in here, so what the collector serves stays as it is.
 */
import { createServer, request } from 'node:http';

const SCRIPT = '/dev/reload.js';
const EVENTS = '/dev/reload';
/** Reloads once the collector is another one than when the page came. */
const CLIENT = `let seen;
new EventSource('${EVENTS}').onmessage = ({ data }) => {
  if (seen && seen !== data) location.reload();
  seen = data;
};
`;

/** Listens on loopback, on `port` or, where that is taken, any other. `up` says where the collector answers now. */
export async function startReload(port) {
  const pages = new Set();
  const begun = Date.now();
  let run = 0;
  let target;
  let arrived;
  const tell = (page) => page.write(`data: ${begun}-${run}\n\n`);
  const down = () => {
    target = new Promise((resolve) => {
      arrived = resolve;
    });
  };
  down();

  const server = createServer(async (asked, answer) => {
    if (asked.url === SCRIPT) return answer.setHeader('content-type', 'text/javascript').end(CLIENT);
    if (asked.url !== EVENTS) return passOn(await target, asked, answer);
    answer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    pages.add(answer);
    answer.once('close', () => pages.delete(answer));
    tell(answer);
  });
  await listen(server, port).catch(() => listen(server, 0));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    down,
    up(url) {
      run += 1;
      arrived(url);
      pages.forEach(tell);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
}

function passOn(target, asked, answer) {
  const { method, url, headers } = asked;
  const passed = request(new URL(url, target), { method, headers, agent: false }, async (got) => {
    if (!takesScripts(got.headers)) {
      answer.writeHead(got.statusCode, got.headers);
      return got.pipe(answer);
    }
    const { 'content-length': _, ...rest } = got.headers;
    const html = Buffer.concat(await got.toArray()).toString();
    answer.writeHead(got.statusCode, rest);
    answer.end(html.replace('</head>', `<script src="${SCRIPT}"></script></head>`));
  });
  passed.once('error', (error) =>
    answer.headersSent ? answer.destroy() : answer.writeHead(502).end(`${error}\n`),
  );
  answer.once('close', () => passed.destroy());
  asked.pipe(passed);
}

/** Pages that may run scripts of their own site; the page around a recording may not. */
const takesScripts = (headers) =>
  /^text\/html/.test(headers['content-type']) && /script-src 'self'/.test(headers['content-security-policy']);
