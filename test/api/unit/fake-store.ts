/** A store in memory for the API's own tests: it keeps what it is given, and fails where it is told to. */
import { EventEmitter } from 'node:events';
import { isIncident, type StoredEvent } from '../../../src/domain/event.js';
import type { Answers } from '../../../src/questions/index.js';
import type { ChunkRow } from '../../../src/questions/replay.js';
import type { Store, StoredChunk, StoreStats, TailPage } from '../../../src/store/port.js';

export interface FakeStore extends Store {
  /** In order of arrival, ids ascending. */
  readonly log: StoredEvent[];
  /** By `app/session/seq`. */
  readonly stored: Map<string, Uint8Array>;
  /** How often the tail was read. */
  readonly tailReads: number;
  /** Set: every read rejects with it. */
  readError: Error | undefined;
  /** Set: reads of the tail wait for it. */
  tailGate: Promise<void>;
  /** Appends `count` events, `over` on each, and tells of the commit. */
  commit(count: number, over?: Partial<StoredEvent>): void;
  /** Retention: takes the events up to this id away. */
  forget(upTo: number): void;
  /** Settles `failed`. */
  fail(reason: Error): void;
}

/** What every event of the fake has unless it is told otherwise. */
export const EVENT: Omit<StoredEvent, 'id'> = {
  ts: 1_750_000_000_000,
  app: 'inventory',
  user_id: 'alice',
  session_id: 's_1',
  type: 'event',
  name: 'click',
};

const STATS: StoreStats = {
  head: 0,
  file_bytes: 4_096,
  late_events: 0,
  deduplicated_batches: 0,
  commits: 0,
  committed_batches: 0,
  committed_events: 0,
  queue_requests: 0,
  queue_bytes: 0,
  commit_seconds: 0,
};

export function createFakeStore(): FakeStore {
  const commits = new EventEmitter();
  const log: StoredEvent[] = [];
  const stored = new Map<string, Uint8Array>();
  let head = 0;
  let tailReads = 0;
  let fail: (reason: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });

  /** What `read` gives, unless reads are to fail. */
  const reading = async <T>(read: () => T | Promise<T>): Promise<T> => {
    if (store.readError !== undefined) throw store.readError;
    return read();
  };
  const appsOf = (session: string): string[] => {
    const places = [...stored.keys()].map((key) => key.split('/')).filter((place) => place[1] === session);
    return [...new Set(places.map(([app = '']) => app))];
  };
  const chunksOf = (app: string, session: string): ChunkRow[] =>
    [...stored]
      .filter(([key]) => key.startsWith(`${app}/${session}/`))
      .map(([key, bytes]) => ({
        seq: Number(key.split('/').at(-1)),
        size_bytes: bytes.length,
        received_at: 0,
      }))
      .sort((a, b) => a.seq - b.seq);
  const tailPage = (after: number, limit: number): TailPage => {
    const events = log.filter(({ id }) => id > after).slice(0, limit);
    const last = events.at(-1);
    const first = log[0]?.id ?? head + 1;
    const gap = after > head || (after < head && after + 1 < first);
    return { events, head, next: events.length === limit && last !== undefined ? last.id : head, gap };
  };

  const find = (id: number) => log.find((event) => event.id === id);
  const answers: Answers = {
    events: async ({ limit }) => ({ events: log.slice(-limit).reverse(), head }),
    event: async ({ id }) => find(id),
    users: async () => ({ users: [] }),
    sessions: async () => ({ sessions: [] }),
    funnel: async ({ steps }) => ({ steps: steps.map((name) => ({ name, count: 0 })) }),
    aggregates: async () => ({ dau: [], top_events: [], top_pages: [], errors_by_day: [] }),
    names: async () => ({ names: [] }),
    activity: async () => ({ days: [] }),
    errors: async () => ({ groups: [] }),
    occurrences: async () => ({ events: [], head }),
    async incident({ event_id }) {
      const event = find(event_id);
      if (event === undefined || !isIncident(event)) return event && { event };
      const cue = chunksOf(event.app, event.session_id);
      return { event, around: { breadcrumbs: log, cue, neighbours: {} } };
    },
    async replay({ id, apps = appsOf(id) }) {
      const [app] = apps;
      return { session: id, apps, chunks: app === undefined ? [] : chunksOf(app, id) };
    },
  };

  const store: FakeStore = {
    log,
    stored,
    get tailReads() {
      return tailReads;
    },
    readError: undefined,
    tailGate: Promise.resolve(),
    commit(count, over = {}) {
      for (let i = 0; i < count; i++) log.push({ ...EVENT, id: ++head, ...over });
      commits.emit('commit', head);
    },
    forget(upTo) {
      log.splice(0, log.filter(({ id }) => id <= upTo).length);
    },
    fail: (reason) => fail(reason),

    ask: (kind, ask) => reading(() => answers[kind](ask)),
    async tail(after, limit) {
      tailReads++;
      const page = await reading(() => tailPage(after, limit));
      await store.tailGate;
      return page;
    },
    async putChunk({ app, session, seq, bytes }) {
      stored.set(`${app}/${session}/${seq}`, bytes);
    },
    sessionApps: (session) => reading(() => appsOf(session)),
    chunk: (app, session, seq) =>
      reading((): StoredChunk | undefined => {
        const bytes = stored.get(`${app}/${session}/${seq}`);
        return bytes && { bytes, etag: `e${bytes.length}` };
      }),
    sweep: async () => ({ events: 0, chunks: 0 }),
    timeEvidence: async (now) => now,
    noteTime: async () => {},
    stats: () => reading(() => ({ ...STATS, head })),
    onCommit(listener) {
      commits.on('commit', listener);
      return () => commits.off('commit', listener);
    },
    failed,
    close: async () => {},
  };
  return store;
}
