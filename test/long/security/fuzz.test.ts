/** Thousands of requests, most of them wrong: no answer is a 5xx, nothing crashes, memory stays bounded. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import t from 'tap';
import { createRandom } from '../../model/random.js';
import { type FuzzRequest, nextRequest } from '../../security/fuzz-requests.js';
import { spawnCollector } from '../../support/collector.js';
import { runSpyglass } from '../../support/command.js';

const REQUESTS = Number(process.env.SPYGLASS_FUZZ ?? 20_000);
/** Another run, other requests; a failure prints it. */
const SEED = Number(process.env.SPYGLASS_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 12;
const ANSWER_MS_MAX = 30_000;
/** Far above what it takes, far below what a leak of every request would come to. */
const MEMORY_BYTES_MAX = 400 * 1_048_576;
/** A system runs out of ports towards one address; loopback has many. */
const ADDRESSES = 8;

t.setTimeout(900_000);

/** The start of an answer, up to its end or, for a stream, its first bytes; empty where the connection just ended. */
function send(port: number, { bytes, path, isHttp }: FuzzRequest, from: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    let text = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer within ${ANSWER_MS_MAX} ms`));
    }, ANSWER_MS_MAX);
    socket.on('data', (chunk: Buffer) => {
      if (text.length < 65_536) text += chunk.toString('latin1');
      if (path.includes('/v1/stream') && text.includes('text/event-stream')) socket.destroy();
    });
    // A server may stop reading what it has refused.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
    // Bytes that may end in the middle of a request have to end; to others the server puts the end.
    if (isHttp) socket.write(bytes);
    else socket.end(bytes);
  });
}

/** What is wrong with an answer, or nothing. */
function complaint({ isHttp, method }: FuzzRequest, answer: string): string | undefined {
  if (answer === '') return isHttp ? 'no answer' : undefined;
  const [, statusText] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
  const status = Number(statusText);
  if (!(status >= 100 && status < 500)) return `status ${statusText}`;
  if (/^x-injected:/im.test(answer)) return 'a header of the client’s making';
  if (/^(server|x-powered-by):/im.test(answer)) return 'a header that says what this is';
  if (status < 400 || method === 'HEAD' || answer.length >= 65_536) return undefined;
  const isProblem = /^content-type: application\/problem\+json/im.test(answer);
  return isProblem ? undefined : `a ${status} that is no problem+json`;
}

function residentBytes(pid: number): number {
  const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1_024;
}

t.test(`${REQUESTS} requests of seed ${SEED}`, async (t) => {
  const collector = await spawnCollector({ limits: { body_bytes: 65_536, chunk_bytes: 65_536 } });
  t.teardown(() => collector.close());
  const port = Number(new URL(collector.url).port);
  const random = createRandom(SEED);
  const complaints: string[] = [];
  const statuses = new Map<string, number>();
  let sent = 0;

  const client = async (number: number) => {
    const from = `127.0.0.${1 + (number % ADDRESSES)}`;
    while (sent < REQUESTS && complaints.length < 10) {
      sent++;
      const request = nextRequest(random);
      const answer = await send(port, request, from).catch((error: Error) => `FAILED ${error.message}`);
      const status = answer.slice(9, 12);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const wrong = complaint(request, answer);
      if (wrong === undefined) continue;
      complaints.push(
        `${wrong}\n${request.bytes.toString('latin1').slice(0, 600)}\n→ ${answer.slice(0, 400)}`,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, number) => client(number)));
  t.same(complaints, [], `again with: SPYGLASS_SEED=${SEED}`);
  t.ok((statuses.get('204') ?? 0) > REQUESTS / 100, 'enough of it was taken');
  t.ok((statuses.get('200') ?? 0) > REQUESTS / 100, 'enough of it was answered');
  t.comment(JSON.stringify(Object.fromEntries([...statuses].sort())));

  t.equal((await collector.get('/readyz')).status, 200);
  if (process.platform === 'linux') {
    const bytes = residentBytes(collector.pid);
    t.ok(bytes < MEMORY_BYTES_MAX, `${Math.round(bytes / 1_048_576)} MiB`);
    t.comment(`${Math.round(bytes / 1_048_576)} MiB`);
  }
  t.same(
    collector.lines.filter((line) => /"level":(50|60)/.test(line)),
    [],
    'nothing failed unforeseen',
  );
  t.equal(await collector.stop('SIGTERM'), 0);
  const verified = await runSpyglass(['verify', '--data', collector.dataDir]);
  t.equal(verified.code, 0, verified.stdout);
});
