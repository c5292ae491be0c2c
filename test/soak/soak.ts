/**
 * Days of a collector's life, one after the other: each writes as much as the last, reads everything, and ends with a sweep,
 * while a reader of the live feed and one of a listing take nothing. What it holds, in memory and on the disk, has to
 * level off. A day has a fixed amount of work, however long it takes.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.js';
import { filesUnder } from '../support/files.js';
import { ask, apps as configuredApps, event, keyOf, postEvents } from '../support/http.js';
import { chunk, postReplay } from '../support/replay.js';

const APP = 'inventory';
/** A day's work. */
const BATCHES = 120;
const BATCH_EVENTS = 20;
const CHUNKS = 16;
const CHUNK_RANDOM_BYTES = 20_000;
const CLIENTS = 4;
/** One batch in so many is sent twice, as by a client that never saw the answer. */
const RETRY_EVERY = 6;
/** Retries are remembered for seven days: before these have passed, nothing can have levelled off. */
const WARM_UP_DAYS = 10;
export const DAYS_MIN = 30;
/** How much the second half may be above the first: what a garbage collector, and pages that are not yet used again, come to. */
const GROWTH_MAX = 1.1;
const SLACK_BYTES = { memoryBytes: 8 * 1_048_576, diskBytes: 1_048_576 };

export interface Sample {
  /** `RssAnon` of the collector. */
  memoryBytes: number;
  /** Everything in the data folder. */
  diskBytes: number;
}

interface SoakOptions {
  /** Goes on for this long, but for `DAYS_MIN` days at least. */
  minutes: number;
  leak?: 'memory' | 'disk';
  say?: (line: string) => void;
}

/** Settles with what the collector held at the end of each day. Throws when an answer is not what it should be. */
export async function soak({ minutes, leak, say = () => {} }: SoakOptions): Promise<Sample[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'spyglass-soak-'));
  const host = fork(new URL('./host.js', import.meta.url), {
    env: {
      ...process.env,
      SPYGLASS_SOAK_CONFIG: JSON.stringify(configFor(dataDir)),
      ...(leak && { SPYGLASS_SOAK_LEAK: leak }),
    },
  });
  const failed = once(host, 'exit').then(([code]) => assert.fail(`the collector ended with ${code}`));
  const told = async <T>(): Promise<T> => (await Promise.race([once(host, 'message'), failed]))[0] as T;
  try {
    const { url } = await told<{ url: string }>();
    const end = performance.now() + minutes * 60_000;
    const samples: Sample[] = [];
    let now = Date.now();
    while (samples.length < DAYS_MIN || performance.now() < end) {
      const slow = [slowReader(url, '/v1/stream?after=0'), slowReader(url, '/v1/query/events?limit=500')];
      await liveADay(url, samples.length, now);
      host.send('day');
      ({ now } = await told<{ now: number }>());
      for (const socket of slow) socket.destroy();
      samples.push({ memoryBytes: anonymousBytes(host.pid ?? 0), diskBytes: await bytesUnder(dataDir) });
      say(line(samples));
    }
    return samples;
  } finally {
    failed.catch(() => {});
    if (host.connected) host.send('end');
    if (host.exitCode === null) await once(host, 'exit');
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What does not level off, in words; nothing where all does: the middle of the second half held against that of the first. */
export function growth(samples: readonly Sample[]): string[] {
  const settled = samples.slice(WARM_UP_DAYS);
  const half = Math.floor(settled.length / 2);
  return (['memoryBytes', 'diskBytes'] as const).flatMap((figure) => {
    const values = settled.map((sample) => sample[figure]);
    const [first, second] = [median(values.slice(0, half)), median(values.slice(half))];
    if (second <= first * GROWTH_MAX + SLACK_BYTES[figure]) return [];
    return [`${figure}: ${mib(first)} in the first half, ${mib(second)} in the second`];
  });
}

async function liveADay(url: string, day: number, now: number): Promise<void> {
  let next = 0;
  const client = async (number: number) => {
    for (let n = next++; n < BATCHES; n = next++) {
      const session = `s-${day}-${n % 40}`;
      const batch = {
        app: APP,
        key: keyOf(APP),
        batch_id: randomUUID(),
        events: Array.from({ length: BATCH_EVENTS }, (_, i) =>
          event({
            ...{ ts: now - i * 1_000, user_id: `user-${(day * 7 + n) % 200}`, session_id: session },
            ...{ name: `name ${i % 8} of ${day % 5}`, type: i === 0 ? 'error' : 'event' },
            props: { n, filler: randomUUID().repeat(4) },
          }),
        ),
      };
      await taken(postEvents(url, batch));
      if (n % RETRY_EVERY === 0) await taken(postEvents(url, batch));
      if (n < CHUNKS) {
        const bytes = chunk(randomBytes(CHUNK_RANDOM_BYTES).toString('hex'));
        await taken(
          postReplay(url, `session=${session}&seq=${1 + (number % 3)}&ts=${now}`, bytes, keyOf(APP)),
        );
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  await readAll(url, day);
}

async function readAll(url: string, day: number): Promise<void> {
  const read = async (path: string) => {
    const answer = await ask(url, path);
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    return answer.text;
  };
  const session = `s-${day}-1`;
  const queries = [
    'events?limit=500',
    'users?limit=500',
    'sessions?limit=500',
    'aggregates',
    'names',
    'errors',
  ];
  for (const query of [...queries, 'funnel?steps=name+1+of+1,name+2+of+1', 'activity?user=user-1'])
    await read(`/v1/query/${query}`);
  const { chunks } = JSON.parse(await read(`/v1/sessions/${session}/replay`)) as {
    chunks: { path: string }[];
  };
  for (const { path } of chunks) await read(path);
  const { events } = JSON.parse(await read('/v1/query/events?type=error&limit=1')) as {
    events: { id: number }[];
  };
  await read(`/v1/incidents/${events[0]?.id}`);
  await read('/metrics');
}

async function taken(answer: Promise<{ status: number; text: string }>): Promise<void> {
  const { status, text } = await answer;
  assert.equal(status, 204, text);
}

/** Asks for something, and takes nothing of the answer. */
function slowReader(url: string, path: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

function configFor(dataDir: string): Config {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    apps: configuredApps(APP),
    retention: { replays_days: 2, events_days: 2 },
    auth: { open: false },
    limits: { body_bytes: 1_048_576, chunk_bytes: 8_388_608, events_per_minute: 0 },
    disk: { replay_bytes_per_hour: 0, replay_free_bytes: 0, events_free_bytes: 0 },
    log: { level: 'warn' },
    store: { engine: 'lmdb' },
  };
}

/** Without Linux's figures only the disk is looked at. */
function anonymousBytes(pid: number): number {
  try {
    return (
      1_024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    );
  } catch {
    return 0;
  }
}

async function bytesUnder(folder: string): Promise<number> {
  const files = await filesUnder(folder);
  return files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;
function line(samples: readonly Sample[]): string {
  const { memoryBytes, diskBytes } = samples.at(-1) ?? { memoryBytes: 0, diskBytes: 0 };
  return `day ${samples.length}: ${mib(memoryBytes)} of memory, ${mib(diskBytes)} on disk`;
}
