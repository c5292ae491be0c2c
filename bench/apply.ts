/**
 * The cost of ingest step by step, in process: parse and encode a request, make a commit group durable, and apply groups to the
 * tables, for several numbers of requests per transaction.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readExact } from '../src/ingest/exact-reader.js';
import { createIngest } from '../src/ingest/ingest.js';
import { beginCommit } from '../src/log/wal/commit.js';
import { openPending } from '../src/log/wal/pending.js';
import { openWal } from '../src/log/wal/wal.js';
import { openWriteSide } from '../src/store/sides.js';
import { APP, bodyEvents, bodyParts, KEY, randomFrom } from './data.js';
import { median, type Row, spread } from './report.js';

const REQUESTS = 16_000;
/** Requests per commit group under load: those that arrive while the disk syncs the previous group. */
const GROUP_REQUESTS = 16;
/** Groups applied before the clock starts, so that the store is not empty. */
const WARM_GROUPS = 125;

/** Processor time of the whole process, µs; includes garbage collection. */
const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** Bytes this process has written to disk; 0 on systems without `/proc`. */
function writtenBytes(): number {
  try {
    return Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function bodies(): Buffer[] {
  const random = randomFrom(1);
  const shape = { users: 50_000, end: Date.now(), days: 5 / 1_440, bodies: REQUESTS };
  return Array.from({ length: REQUESTS }, (_, serial) => {
    const [head, tail] = bodyParts(bodyEvents(random, shape, serial));
    return Buffer.from(head + randomUUID() + tail);
  });
}

export async function benchApply(folder: string, say: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  const requests = bodies();
  for (const requestsAtOnce of [200, 400, 800, 1_600, 3_200]) {
    say(`applying ${requestsAtOnce} requests at once …`);
    const dataDir = mkdtempSync(join(folder, 'apply-'));
    const write = openWriteSide(dataDir, {
      onProgress: () => {},
      onFailure: (error) => {
        throw error;
      },
    });
    const pending = openPending(write.log);
    const ingest = createIngest({
      apps: { [APP]: { key: KEY, origins: [] } },
      limits: { body_bytes: 1 << 20, chunk_bytes: 1 << 20, events_per_minute: 0 },
      readExact,
    });
    const start = cpuUs();
    const groups: Buffer[] = [];
    for (let at = 0; at < requests.length; at += GROUP_REQUESTS) {
      const commit = beginCommit(pending);
      for (const body of requests.slice(at, at + GROUP_REQUESTS)) {
        const { batch } = ingest({ body, receivedAt: Date.now() });
        if (!batch) throw new Error('a body was refused');
        commit.add(batch);
      }
      const sealed = commit.seal();
      if (!sealed) throw new Error('nothing to seal');
      pending.push(sealed);
      groups.push(sealed.bytes);
    }
    const sealingUs = (cpuUs() - start) / REQUESTS;
    if (rows.length === 0) {
      rows.push({ name: 'parse, number, encode', value: sealingUs, unit: 'µs/request' });
      rows.push(syncRow(dataDir, write.log.storeId, groups));
    }
    const step = requestsAtOnce / GROUP_REQUESTS;
    for (let at = 0; at < WARM_GROUPS; at += step)
      write.apply(groups.slice(at, Math.min(at + step, WARM_GROUPS)));
    const [cpuBefore, bytesBefore] = [cpuUs(), writtenBytes()];
    for (let at = WARM_GROUPS; at < groups.length; at += step) write.apply(groups.slice(at, at + step));
    const applied = (groups.length - WARM_GROUPS) * GROUP_REQUESTS;
    const name = `apply, ${requestsAtOnce} at once`;
    rows.push({ name, value: (cpuUs() - cpuBefore) / applied, unit: 'µs/request' });
    rows.push({
      name: `${name}, written`,
      value: (writtenBytes() - bytesBefore) / applied / 1_024,
      unit: 'KB/request',
    });
    await write.close();
  }
  return rows;
}

/** The WAL as under load: each group is applied before the next one is written, so the files are reused. */
function syncRow(dataDir: string, storeId: string, groups: readonly Buffer[]): Row {
  const journal = openWal(dataDir, storeId);
  const times: number[] = [];
  groups.slice(0, 500).forEach((group, index) => {
    const start = performance.now();
    journal.append(group);
    if (index > 0) times.push(performance.now() - start);
    journal.applied(index + 1);
  });
  journal.close();
  return { name: 'make a group durable', value: median(times), unit: 'ms', spread: spread(times) };
}
