/** Stores whose answers would be large: fat events, and very many names, days, sessions of a user, groups and chunks. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { EventRequest, JsonText, NewEvent } from '../../src/domain/event.js';
import { DAY_MS } from '../../src/domain/limits.js';
import { openLog } from '../../src/log/batches/log.js';
import { openEnv } from '../../src/log/file/env.js';
import { FILE_ID_BYTES, openManifest } from '../../src/replay/manifest.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';

export const APP = 'inventory';
/** It has every other day of `APP`'s, with the same user. */
export const OTHER_APP = 'billing';
/** When the fat session has its error. */
export const MOMENT = Date.UTC(2026, 5, 1, 12);

export interface Amounts {
  /** Fat events, and the bytes of props of each. */
  fat: number;
  fatBytes: number;
  /** Bytes of props of one event beyond what an answer takes. */
  hugeBytes: number;
  names: number;
  groups: number;
  days: number;
  sessions: number;
  chunks: number;
}

const PER_REQUEST = 4_000;

const plain = (over: Partial<NewEvent>): NewEvent => ({
  ts: MOMENT,
  user_id: 'somebody',
  session_id: 'plain',
  type: 'event',
  name: 'view',
  ...over,
});

/** The props' characters are escaped in no JSON, and take two bytes each. */
const propsOf = (bytes: number): JsonText =>
  JSON.stringify({ stack: 'at f (a.js:1:1)', pad: 'é'.repeat(Math.floor(bytes / 2)) }) as JsonText;

/** Groups of events, each to be one request. */
export function* hostileRequests({
  fat,
  fatBytes,
  hugeBytes,
  names,
  groups,
  days,
  sessions,
}: Amounts): Generator<NewEvent[]> {
  const props = propsOf(fatBytes);
  for (let n = 0; n < fat; n++) {
    // Errors and events in turn, around the moment.
    const type = n % 2 === 0 ? 'error' : 'event';
    const ts = MOMENT - (n % 55) * 1_000 + n;
    yield [
      plain({ ts, type, user_id: 'fat', session_id: 'fat', name: type === 'error' ? 'Fat' : 'fat', props }),
    ];
  }
  yield [
    plain({
      ts: MOMENT,
      type: 'bug_report',
      user_id: 'fat',
      session_id: 'fat',
      name: 'huge',
      props: propsOf(hugeBytes),
    }),
  ];
  yield* slices(names, (n) => plain({ name: `order ${n} was viewed`, session_id: `names${n % 50}` }));
  // Errors that occur once, and one error and one event a day.
  yield* slices(groups, (n) =>
    plain({ type: 'error', name: `order ${n} was not found`, session_id: 'errors' }),
  );
  yield* slices(days, (n) => plain({ ts: n * DAY_MS, type: 'error', name: 'daily', user_id: 'daily' }));
  yield* slices(sessions, (n) =>
    plain({ ts: MOMENT + (n % 2), user_id: 'service', session_id: `of-service-${n}` }),
  );
}

function* slices(count: number, make: (n: number) => NewEvent): Generator<NewEvent[]> {
  for (let from = 0; from < count; from += PER_REQUEST)
    yield Array.from({ length: Math.min(PER_REQUEST, count - from) }, (_, n) => make(from + n));
}

/** Fills the store in a folder. Only the first chunk has a file. */
export async function fillHostile(dataDir: string, amounts: Amounts): Promise<void> {
  const store = await openLmdbStore({ dataDir });
  const body = { app: APP, receivedAt: MOMENT };
  let due: EventRequest[] = [];
  const append = async (): Promise<void> => {
    for (const one of await store.append(due)) if (one.status === 'rejected') throw one.reason;
    due = [];
  };
  for (const events of hostileRequests(amounts)) {
    due.push({ ...body, events });
    if (due.length === 16) await append();
  }
  for (const events of slices(Math.ceil(amounts.days / 2), (n) =>
    plain({ ts: 2 * n * DAY_MS, user_id: 'daily', session_id: 'daily' }),
  )) {
    due.push({ ...body, app: OTHER_APP, events });
    if (due.length === 16) await append();
  }
  await append();
  const bytes = gzipSync('[]');
  await store.putChunk({ app: APP, session: 'fat', seq: 1, ts: MOMENT - 1_000, receivedAt: MOMENT, bytes });
  await store.close();
  const env = openEnv(dataDir, { mode: 'write' });
  const app = openLog(env).dictionaries.number('app', APP) ?? 0;
  const manifest = openManifest(env);
  for (let from = 2; from <= amounts.chunks; from += 10_000) {
    env.transaction(() => {
      for (let seq = from; seq < Math.min(from + 10_000, amounts.chunks + 1); seq++) {
        const ts = MOMENT - 50_000 + ((seq * 61) % 55_000);
        manifest.put(app, 'fat', {
          seq,
          ts,
          receivedAt: MOMENT,
          sizeBytes: bytes.length,
          fileId: randomBytes(FILE_ID_BYTES).toString('hex'),
        });
      }
    });
  }
  await env.close();
}

/** The queries and parts of paths to ask every reading route for; `incidents` are ids. */
export function requestsOf(group: string, incidents: readonly number[]): Record<string, string[]> {
  const ids = incidents.map(String);
  return {
    '/v1/query/events': [
      '?limit=500',
      '?type=error&limit=500',
      '?user=fat&limit=500',
      '?session=fat&limit=500',
    ],
    '/v1/query/users': ['?limit=500'],
    '/v1/query/sessions': ['?limit=500', '?user=service&limit=500', '?user=service&limit=1'],
    '/v1/query/funnel': ['?steps=view,fat', '?steps=daily,daily'],
    '/v1/query/aggregates': ['?limit=100', `?from=${MOMENT - 40_000_000}&limit=100`],
    '/v1/query/names': ['?limit=500', '?prefix=order&limit=500', '?prefix=zzz', '?type=error&limit=500'],
    '/v1/query/activity': ['?user=daily', '?user=service'],
    '/v1/query/errors': ['?limit=500', '?limit=1', `?group=${group}`],
    '/v1/query/occurrences': [`?group=${group}&limit=500`],
    '/v1/events/:id': ids,
    '/v1/incidents/:event_id': ids,
    '/v1/sessions/:id/replay': ['fat'],
    '/v1/apps': [''],
    '/v1/audit': ['?limit=500'],
  };
}

/** No JSON answers: bytes as they were sent, and a feed without end. */
export const NO_JSON = ['/v1/sessions/:id/replay/:seq', '/v1/stream'];

/** The path of a request of `requestsOf`. */
export const pathOf = (route: string, asked: string): string =>
  route.includes(':') ? route.replace(/:\w+/, asked) : `${route}${asked}`;
