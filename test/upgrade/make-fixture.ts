/**
 * `node dist/test/upgrade/make-fixture.js`: makes the fixture of the store format that this tree writes. It holds some of
 * everything: two apps, every type of event, late and long ones, a sweep, replay chunks, one of them replaced, and a
 * batch that a crash left in the journal.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVENT_TYPES, type EventRequest, type JsonText, type NewEvent } from '../../src/domain/event.js';
import { DAY_MS } from '../../src/domain/limits.js';
import { openLog, STORE_FORMAT } from '../../src/log/batches/log.js';
import { openEnv } from '../../src/log/file/env.js';
import { beginCommit } from '../../src/log/wal/commit.js';
import { openPending } from '../../src/log/wal/pending.js';
import { openWal } from '../../src/log/wal/wal.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import { chunk } from '../support/replay.js';
import { fixturePath, saveFixture } from './fixtures.js';

const NOW = Date.UTC(2026, 5, 10, 12);

const PATHS = [
  '/v1/query/events?limit=500',
  '/v1/query/events?limit=5&user=u1&type=error',
  '/v1/query/users?limit=500',
  '/v1/query/sessions?limit=500',
  '/v1/query/sessions?app=shop&user=u2',
  '/v1/query/funnel?steps=event-0,event-1',
  '/v1/query/funnel?steps=event-0,pageview-1&app=desk',
  '/v1/query/aggregates?limit=100',
  `/v1/query/aggregates?app=shop&from=${NOW - 3 * DAY_MS - 7}&to=${NOW}`,
  '/v1/query/names?limit=100',
  '/v1/query/errors?limit=100',
  '/v1/query/activity?user=u1',
  '/v1/sessions/s1-0/replay?app=shop',
];

function event(app: string, n: number): NewEvent {
  const type = EVENT_TYPES[n % EVENT_TYPES.length] ?? 'event';
  const props =
    type === 'error'
      ? { kind: 'error', stack: `Error: no\n    at go (https://${app}.example/app.js:${1 + (n % 3)}:7)` }
      : { n, deep: { text: 'ä\u0000ü', none: null } };
  return {
    ts: NOW - (n % 9) * DAY_MS - n * 1_111,
    user_id: `u${n % 4}`,
    session_id: `s${n % 4}-${n % 2}`,
    type,
    name: n % 31 === 0 ? 'long '.repeat(400) : `${type}-${n % 3}`,
    url: `https://${app}.example/${n % 5}`,
    props: JSON.stringify(props) as JsonText,
    ...(n % 7 === 0 ? { user: { name: `User ${n % 4}`, email: `u${n % 4}@${app}.example` } } : {}),
    ...(n % 11 === 0 ? { client_ts: NOW + n } : {}),
  };
}

const batch = (app: string, from: number, count: number): EventRequest => ({
  app,
  batchId: `fixture-${app}-${from}`,
  receivedAt: NOW,
  events: Array.from({ length: count }, (_, i) => event(app, from + i)),
});

async function fill(dataDir: string): Promise<void> {
  const store = await openLmdbStore({ dataDir, now: () => NOW });
  for (let from = 0; from < 120; from += 12) {
    await store.append([batch('shop', from, 12), batch('desk', from, 5)]);
  }
  for (const seq of [1, 2, 3, 2]) {
    const ts = NOW + seq * 1_000;
    await store.putChunk({ app: 'shop', session: 's1-0', seq, ts, receivedAt: NOW, bytes: chunk(`${seq}`) });
  }
  await store.sweep({ eventsBefore: Math.floor(NOW / DAY_MS) * DAY_MS - 6 * DAY_MS });
  await store.close();
}

/** As a crash leaves it: durable and acknowledged, and not in the tables yet. */
async function leaveInJournal(dataDir: string, left: EventRequest): Promise<void> {
  const env = openEnv(dataDir, { mode: 'read' });
  const log = openLog(env);
  const journal = openWal(dataDir, log.storeId);
  const commit = beginCommit(openPending(log));
  commit.add(left);
  const sealed = commit.seal();
  if (sealed) journal.append(sealed.bytes);
  journal.close();
  await env.close();
}

const home = mkdtempSync(join(tmpdir(), 'spyglass-fixture-'));
try {
  const [made, asked] = [join(home, 'made'), join(home, 'asked')];
  await fill(made);
  await leaveInJournal(made, batch('desk', 200, 9));
  cpSync(made, asked, { recursive: true });
  await saveFixture(STORE_FORMAT, made, asked, PATHS);
  console.log(`made ${fixturePath(STORE_FORMAT)}`);
} finally {
  rmSync(home, { recursive: true, force: true });
}
