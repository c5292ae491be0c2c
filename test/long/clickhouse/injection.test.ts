/** Names, ids and parameters full of quotes, backslashes and SQL are data: the embedded engine's answers, whatever is in them. */
import fc from 'fast-check';
import t from 'tap';
import { openClickhouseStore } from '../../../src/clickhouse/store.js';
import type { EventRequest, JsonText } from '../../../src/domain/event.js';
import { openLmdbStore } from '../../../src/store/open-in-process.js';
import type { Store, WritableStore } from '../../../src/store/port.js';
import { brief, firstDifference } from '../../model/difference.js';
import { withDataDir } from '../../model/run.js';
import { type Chdb, startChdb } from '../../support/clickhouse/chdb.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';
import { consecutiveIds } from '../../support/clickhouse/ids.js';

const APP = 'inventory';
const CASES = 1_000;
/** Its servers take longer, and what they are sent is made by the same hand. */
const ON_CLUSTER = 200;
const SEED = 20_260_614;
const NOW = Date.UTC(2026, 5, 14, 12);
/** Cases stored at once. */
const BATCH = 100;
t.setTimeout(600_000);

const HOSTILE = [
  "'",
  "''",
  '"',
  '`',
  '\\',
  '\\\\',
  "\\'",
  '%',
  '_',
  '%s',
  '{',
  '}',
  '{x:String}',
  '{user:String}',
  '--',
  '/*',
  '*/',
  ';',
  '#',
  ' OR 1=1',
  "' OR ''='",
  "'; DROP TABLE events; --",
  ') UNION ALL SELECT 1',
  "\\' OR sleep(1) --",
  'FORMAT Null',
  ' SETTINGS max_threads=1',
  '\\N',
  'NULL',
  '\\x27',
  '%27',
  '&quot;',
  '$1',
  '?',
  ':a',
  '@a',
  'é',
  '😀',
  '\u2028',
  'concat(char(39))',
  "'||version()||'",
  '__table1',
  '0x27',
];
/** Names may hold what ids may not. */
const CONTROL = ['\0', '\n', '\r', '\t', '\b', '\u001a', '\u007f'];

interface Case {
  user: string;
  session: string;
  name: string;
  next: string;
  url: string;
  text: string;
}

function cases(): Case[] {
  const idPart = fc.oneof(fc.constantFrom(...HOSTILE), fc.constantFrom('a', 'b', ' '));
  const anyPart = fc.oneof(idPart, fc.constantFrom(...CONTROL));
  const text = (part: fc.Arbitrary<string>) =>
    fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(''));
  const one = fc.record({
    user: text(idPart),
    session: text(idPart),
    name: text(anyPart),
    next: text(anyPart),
    url: text(anyPart),
    text: text(anyPart),
  });
  return fc.sample(one, { numRuns: CASES, seed: SEED });
}

function batchOf(some: readonly Case[], first: number): EventRequest {
  return {
    app: APP,
    batchId: `'"\\${first}-batch`,
    receivedAt: NOW,
    events: some.flatMap(({ user, session, name, next, url, text }, index) => {
      const ts = NOW - CASES + first + index;
      const common = { user_id: user, session_id: session, url };
      return [
        {
          ...common,
          ts,
          type: 'event' as const,
          name,
          props: JSON.stringify({ [text]: text }) as JsonText,
          user: { name: text, email: name },
        },
        {
          ...common,
          ts: ts + 1,
          type: 'error' as const,
          name: next,
          props: JSON.stringify({ stack: `Error: ${text}\n    at ${name} (${url}:1:2)` }) as JsonText,
        },
      ];
    }),
  };
}

type Read = (store: Store, one: Case) => Promise<unknown>;

/** The newest error of the session, which there is, with what is around it. */
async function incident(store: Store, { session }: Case): Promise<unknown> {
  const [error] = (await store.ask('events', { session, type: 'error', limit: 1 })).events;
  return error && store.ask('incident', { event_id: error.id });
}

/** Every read that takes a text, asked with the case's own. */
const READS: readonly Read[] = [
  (store, { user, session }) => store.ask('events', { user, session, limit: 20 }),
  (store, { name, next }) => store.ask('funnel', { steps: [name, next, name] }),
  (store, { name }) => store.ask('names', { prefix: name, limit: 5 }),
  (store, { user }) => store.ask('users', { user, limit: 5 }),
  (store, { user }) => store.ask('sessions', { user, apps: [APP], limit: 5 }),
  (store, { session }) => store.ask('events', { session, apps: [APP], limit: 500 }),
  incident,
  (store, { session }) => store.sessionApps(session),
  (store, { user }) => store.ask('activity', { user }),
  // An app nobody has is an empty answer, whatever it is called.
  (store, { name }) => store.ask('aggregates', { apps: [name], limit: 5 }),
  (store, { user }) => store.ask('events', { apps: [user], limit: 5 }),
  (store, { name, user }) => store.ask('users', { apps: [name, user, APP], limit: 5 }),
  (store, { session }) => store.ask('replay', { id: session, apps: [APP] }),
  (store, { session, name }) => store.ask('replay', { id: session, apps: [name, session] }),
  (store, { name }) => store.ask('occurrences', { group: `${name}.${'0'.repeat(24)}`, limit: 5 }),
];
/** A case is put to some of them in turn. */
const READS_A_CASE = 2;

const readsOf = (index: number): Read[] =>
  Array.from(
    { length: READS_A_CASE },
    (_, turn) => READS[(index * READS_A_CASE + turn) % READS.length],
  ).filter((read) => read !== undefined);

async function appendAll(store: WritableStore, all: readonly Case[]): Promise<void> {
  for (let first = 0; first < all.length; first += BATCH) {
    const [outcome] = await store.append([batchOf(all.slice(first, first + BATCH), first)]);
    if (outcome?.status !== 'fulfilled') throw outcome?.reason;
  }
}

/** Stores all cases in both engines, asks both, and tells the first difference. */
async function compare(all: readonly Case[], place: { url: string; cluster?: string }): Promise<void> {
  await withDataDir(async (dataDir) => {
    const embedded = await openLmdbStore({ dataDir, now: () => NOW });
    const clickhouse = await openClickhouseStore({
      ...place,
      database: 'injection',
      now: () => NOW,
      ids: consecutiveIds,
      trailMs: 0,
    });
    try {
      await Promise.all([appendAll(embedded, all), appendAll(clickhouse, all)]);
      for (const [index, one] of all.entries()) {
        const chunk = {
          app: APP,
          session: one.session,
          seq: 1 + (index % 9),
          receivedAt: NOW,
          bytes: Buffer.from(one.text),
        };
        if (index % 20 === 0) for (const store of [embedded, clickhouse]) await store.putChunk(chunk);
        const [expected, got] = await Promise.all(
          [embedded, clickhouse].map((store) => Promise.all(readsOf(index).map((read) => read(store, one)))),
        );
        const difference = firstDifference(expected, got);
        if (difference !== undefined)
          throw new Error(`case ${index}, ${brief(one)}: ${difference}\n${brief(expected)}\n${brief(got)}`);
      }
      const everything = { limit: 500 };
      for (const ask of ['users', 'sessions', 'errors', 'aggregates'] as const) {
        const difference = firstDifference(
          await embedded.ask(ask, everything),
          await clickhouse.ask(ask, everything),
        );
        if (difference !== undefined) throw new Error(`${ask}: ${difference}`);
      }
    } finally {
      await Promise.all([embedded.close(), clickhouse.close()]);
    }
  });
}

let chdb: Chdb;
let cluster: Cluster;
t.before(async () => {
  [chdb, cluster] = await Promise.all([startChdb(), startCluster()]);
});
t.teardown(() => Promise.all([chdb.close(), cluster.close()]));

t.test(`${CASES} hostile cases are data to the engine of today`, () => compare(cases(), { url: chdb.url }));

t.test('so they are to a cluster of two shards', () =>
  compare(cases().slice(0, ON_CLUSTER), { url: cluster.urls.join(','), cluster: cluster.cluster }),
);
