/**
 * A sender with a key beside a flood of bodies without one: 10 MB/s of each kind, in rounds that take turns with calm ones. The
 * flood and the sender are processes of their own, on the same machine: on few cores they take time from the collector too. How
 * much, rounds show in which the flood goes to a process that only reads it.
 */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { APP, bodyEvents, bodyParts, randomFrom } from './data.js';
import { median, type Row, spread } from './report.js';
import { startSpyglass } from './servers.js';

const FLOOD_BYTES_PER_S = 10_000_000;
const FLOOD_SOCKETS = 32;
const PIECE_MS = 10;
const SENDER_SOCKETS = 8;
const ROUNDS = 4;
const ROUND_MS = 3_000;
const PROBE_MS = 20;

const nested = `[${new Array(15_000).fill('['.repeat(30) + ']'.repeat(30)).join()}]`;
const members = `{${Array.from({ length: 90_000 }, (_, index) => `"k${index}":1`).join()}}`;
/** Bodies as they are sent. */
const KINDS: Record<string, () => Buffer> = {
  'wrong key, then 450,000 nested arrays': () => gzipSync(`{"app":"${APP}","key":"wrong","x":${nested}}`),
  'no key, 450,000 nested arrays': () => gzipSync(`{"events":${nested}}`),
  'wrong key behind 90,000 members': () => gzipSync(`{"x":${members},"app":"${APP}","key":"wrong"}`),
  'a bomb of 1 MiB of one letter': () => gzipSync(`{"x":"${'x'.repeat(1_048_000)}"}`),
  'no gzip, no JSON': () => Buffer.alloc(2_700, '['),
};

function requestOf(body: Buffer): Buffer {
  const encoding = body[0] === 0x1f ? 'Content-Encoding: gzip\r\n' : '';
  const head = `POST /v1/events HTTP/1.1\r\nHost: bench\r\n${encoding}Content-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function open(url: string): Socket {
  const { port, hostname } = new URL(url);
  return connect(Number(port), hostname).on('error', () => {});
}

/** Sends at an even rate, whatever is answered; what the sockets do not take is not sent. */
export async function flood(url: string, kind: string): Promise<void> {
  const request = requestOf(KINDS[kind]?.() ?? Buffer.alloc(0));
  const sockets = Array.from({ length: FLOOD_SOCKETS }, () => open(url).resume());
  const start = performance.now();
  for (let sent = 0, next = 0; ; await sleep(PIECE_MS)) {
    const due = ((performance.now() - start) / 1_000) * FLOOD_BYTES_PER_S;
    for (; sent < due; sent += request.length) {
      const at = next++ % sockets.length;
      if (sockets[at]?.destroyed) sockets[at] = open(url).resume();
      const socket = sockets[at];
      if (socket !== undefined && socket.writableLength < request.length * 4) socket.write(request);
    }
  }
}

/** Sends batches one after the other on some connections until the time is over; returns how many were stored. */
export async function send(url: string, forMs: number): Promise<number> {
  const shape = { users: 1_000, end: Date.now(), days: 1, bodies: 64 };
  const random = randomFrom(1);
  const parts = Array.from({ length: 64 }, (_, serial) => bodyParts(bodyEvents(random, shape, serial)));
  const end = performance.now() + forMs;
  let stored = 0;
  const client = async (): Promise<void> => {
    const socket = open(url);
    for (let n = 0; performance.now() < end; n++) {
      const [head, tail] = parts[n % parts.length] ?? ['', ''];
      socket.write(requestOf(Buffer.from(head + randomUUID() + tail)));
      const answer = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
      if (answer.toString('latin1', 0, 12) === 'HTTP/1.1 204') stored++;
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: SENDER_SOCKETS }, client));
  return stored;
}

/** Reads what it is sent and answers nothing; returns its address. */
function sink(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => {}).resume());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });
}

/** Runs this file as a process; gives what it says at its end. */
function run(...args: string[]) {
  const child = fork(fileURLToPath(import.meta.url), args);
  const said = new Promise<string>((resolve) => child.once('message', (message) => resolve(String(message))));
  return { said, stop: () => child.kill() };
}

async function probe(url: string, forMs: number): Promise<number[]> {
  const times: number[] = [];
  for (const end = performance.now() + forMs; performance.now() < end; await sleep(PROBE_MS)) {
    const start = performance.now();
    await (await fetch(`${url}/healthz`)).text();
    times.push(performance.now() - start);
  }
  return times;
}

export async function benchHostile(folder: string, say: (line: string) => void): Promise<Row[]> {
  const home = mkdtempSync(join(folder, 'hostile-'));
  const server = await startSpyglass({ dataDir: join(home, 'data'), folder: home, name: 'hostile' });
  const sinking = run('sink');
  const elsewhere = await sinking.said;
  const round = async (kind?: string, target = server.url) => {
    const flooding = kind === undefined ? undefined : run('flood', target, kind);
    const sending = run('send', server.url, `${ROUND_MS}`);
    const probes = await probe(server.url, ROUND_MS);
    const stored = Number(await sending.said);
    flooding?.stop();
    return { rate: (stored / ROUND_MS) * 1_000, probes };
  };
  const rows: Row[] = [];
  await round();
  for (const kind of Object.keys(KINDS)) {
    const ratios: number[] = [];
    const controls: number[] = [];
    const probes: number[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      const calm = await round();
      const flooded = await round(kind);
      const control = await round(kind, elsewhere);
      ratios.push(flooded.rate / calm.rate);
      controls.push(control.rate / calm.rate);
      probes.push(...flooded.probes);
      const rates = [calm, flooded, control].map(({ rate }) => rate.toFixed(0));
      say(`${kind}: ${rates[0]} req/s in calm, ${rates[1]} beside it, ${rates[2]} where it goes elsewhere`);
    }
    probes.sort((a, b) => a - b);
    const p99 = probes[Math.floor(probes.length * 0.99)] ?? Number.NaN;
    rows.push(
      {
        name: `${kind}: of calm`,
        value: median(ratios),
        unit: '×',
        spread: spread(ratios),
        goal: { atLeast: 0.8 },
      },
      {
        name: `${kind}: of calm, where it goes elsewhere`,
        value: median(controls),
        unit: '×',
        spread: spread(controls),
      },
      { name: `${kind}: /healthz p99`, value: p99, unit: 'ms', goal: { below: 100 } },
    );
  }
  sinking.stop();
  const stopping = performance.now();
  await server.stop();
  rows.push({
    name: 'SIGTERM to the end',
    value: performance.now() - stopping,
    unit: 'ms',
    goal: { below: 10_000 },
  });
  return rows;
}

const [, , what, url = '', argument = ''] = process.argv;
if (process.argv[1] === fileURLToPath(import.meta.url) && process.send !== undefined) {
  if (what === 'flood') await flood(url, argument);
  else if (what === 'send') process.send(await send(url, Number(argument)), () => process.exit());
  else if (what === 'sink') process.send(await sink());
}
