/** The `Store` port on ClickHouse: any number of collectors share an engine, and nothing else. */
import { answerJson } from '../questions/answer-json.js';
import { QUESTIONS } from '../questions/index.js';
import type {
  EraseReport,
  Erasure,
  Store,
  StoreStats,
  SweepCutoffs,
  SweepReport,
  WritableStore,
} from '../store/port.js';
import { appsOfSession, openAnswers } from './answers.js';
import { type Appender, openAppender } from './append.js';
import { type Arrivals, FOR_EXPORT, openArrivals } from './arrivals.js';
import { openChunks } from './chunks.js';
import { type Clocks, openClocks } from './clocks.js';
import { type Address, connect, type Engine, until } from './connect.js';
import { openErasures } from './erasures.js';
import { createIds, type IdSource } from './ids.js';
import { takeNode } from './lease.js';
import { migrate } from './migrations.js';
import { deleteBelow, deleteChunks, forgetRetries } from './retention.js';
import { queryNumber } from './sql.js';
import { openLanes } from './turns.js';

/** How far the stream trails the clock: an id given this long ago is stored, or its insert has failed. */
const TRAIL_MS = 3_000;
/** How often to read the head and the fence, which other collectors change too. */
const POLL_MS = 1_000;

export interface ClickhouseStoreOptions extends Address {
  /** Unix ms; stands in for the engine's clock, too. */
  now?: () => number;
  /** The engine's clock, Unix ms. */
  engineNow?: () => Promise<number>;
  /** Another source of ids, for an engine with one collector; `head` is the newest id. */
  ids?: (head: number) => IdSource;
  trailMs?: number;
  pollMs?: number;
  /** After how long an erasure that nobody notes is taken up. */
  erasureFreeMs?: number;
}

export interface ClickhouseStore extends WritableStore {
  readonly engine: Engine;
  /** Whether the engine, with every shard, answered the last request. */
  isUp(): boolean;
  erase(erasure: Erasure): Promise<EraseReport>;
  readonly clocks: Clocks;
  /** `tail` with every event whole, in larger pages. */
  exportTail: Store['tail'];
  /** Carries out erasures that were cut off; returns how many. */
  resumeErasures(): Promise<number>;
}

/** Connects, migrates the schema, and claims a number for ids. Throws `ClickhouseUnusable`. */
export async function openClickhouseStore(options: ClickhouseStoreOptions): Promise<ClickhouseStore> {
  const engine = await connect(options);
  try {
    await migrate(engine);
    return await openOn(engine, options);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function openOn(engine: Engine, options: ClickhouseStoreOptions): Promise<ClickhouseStore> {
  const { now = Date.now, trailMs = TRAIL_MS, pollMs = POLL_MS } = options;
  const meta = await openMeta(engine);
  const lease = options.ids ? undefined : await takeNode(engine);
  const node = lease?.node ?? (() => 0);
  const arrivals = openArrivals({
    engine,
    trailMs,
    fence: meta.fence,
    swept: meta.swept,
    leastUnderWay: () => appender.leastUnderWay(),
  });
  const heads = watchHead(arrivals);
  const appender = openAppender({
    engine,
    ids: options.ids?.(await greatestId(engine, meta)) ?? createIds(node),
    mayGiveIds: lease?.holds ?? (() => true),
    fence: meta.fence,
    onStored: heads.look,
  });
  await heads.begin();
  const chunks = openChunks(engine, createIds(node));
  const parts = { engine, arrivals, chunks, fence: meta.fence };
  const answers = openAnswers(parts);
  const lanes = openLanes();
  const engineNow = options.engineNow ?? (options.now && (async () => now()));
  const clocks = openClocks({ engine, now, ...(engineNow && { engineNow }) });
  const erasures = openErasures(engine, options.erasureFreeMs);
  const polling = keepPolling(() => meta.refresh().then(heads.look), pollMs);
  return {
    engine,
    isUp: () => polling.succeeded() && engine.isUp(),
    append: appender.append,
    ask: (kind, ask) => answers[kind](ask),
    answer: (kind, ask, context, whom) =>
      lanes[QUESTIONS[kind].lane].take(whom, async (signal) => {
        const found = await openAnswers({ ...parts, engine: until(signal, engine) })[kind](ask);
        return answerJson(kind, found, context);
      }),
    reads: lanes.state,
    tail: (after, limit) => arrivals.tail(after, limit),
    exportTail: (after, limit) => arrivals.tail(after, limit, FOR_EXPORT),
    sessionApps: (session) => appsOfSession(parts, session),
    putChunk: chunks.put,
    chunk: chunks.get,
    async sweep(cutoffs) {
      const report = await sweep(engine, meta, await clocks.agreed(cutoffs), now);
      await clocks.forget();
      return report;
    },
    timeEvidence: (wall) => timeEvidence(engine, meta, wall),
    noteTime: async (time) => meta.raise('clock', time - (await clocks.fastBy())),
    stats: openStats(engine, arrivals, appender),
    onCommit: heads.onCommit,
    // Never: the engine may come back after any failure.
    failed: new Promise<Error>(() => {}),
    erase: (erasure) => eraseMeasured(engine, erasures, erasure),
    clocks,
    resumeErasures: erasures.resume,
    async close() {
      polling.stop();
      lease?.end();
      await appender.idle();
      await engine.close();
    },
  };
}

/** One poll at a time: an engine that is slow must not be asked more and more. */
function keepPolling(poll: () => Promise<void>, everyMs: number) {
  let succeeded = true;
  let isPolling = false;
  const timer = setInterval(async () => {
    if (isPolling) return;
    isPolling = true;
    succeeded = await poll().then(
      () => true,
      () => false,
    );
    isPolling = false;
  }, everyMs).unref();
  return { succeeded: () => succeeded, stop: () => clearInterval(timer) };
}

/** Tells listeners about each new head. */
function watchHead(arrivals: Arrivals) {
  const listeners = new Set<(head: number) => void>();
  let last = 0;
  return {
    /** Reads the present head without telling listeners. */
    async begin(): Promise<void> {
      last = await arrivals.head();
    },
    async look(): Promise<void> {
      const head = await arrivals.head();
      if (head === last) return;
      last = head;
      for (const listener of listeners) listener(head);
    },
    onCommit(listener: (head: number) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const greatestId = async (engine: Engine, meta: Meta): Promise<number> =>
  Math.max(await queryNumber(engine, 'SELECT max(id) FROM arrivals'), meta.swept());

async function timeEvidence(engine: Engine, meta: Meta, wall: number | undefined) {
  await meta.refresh();
  if (meta.clock() > 0) return meta.clock();
  const received = await queryNumber(engine, 'SELECT max(received_at) FROM batches');
  if (received > 0) return received;
  return (await greatestId(engine, meta)) === 0 ? wall : undefined;
}

/** Erases, with the bytes of the tables before and after. */
async function eraseMeasured(
  engine: Engine,
  erasures: ReturnType<typeof openErasures>,
  erasure: Erasure,
): Promise<EraseReport> {
  const bytesBefore = await fileBytes(engine);
  const report = await erasures.erase(erasure);
  return { ...report, bytesBefore, bytesAfter: await fileBytes(engine) };
}

async function sweep(
  engine: Engine,
  meta: Meta,
  { eventsBefore, replaysBefore, now: trusted }: SweepCutoffs,
  now: () => number,
): Promise<SweepReport> {
  if (eventsBefore !== undefined) await meta.raise('fence', eventsBefore);
  const { events, newest } = await deleteBelow(engine, meta.fence());
  if (events > 0) await meta.raise('swept', newest);
  await forgetRetries(engine, meta.fence(), trusted ?? now());
  return { events, chunks: replaysBefore === undefined ? 0 : await deleteChunks(engine, replaysBefore) };
}

/** Statistics; while the engine does not answer, the last known ones. */
function openStats(engine: Engine, arrivals: Arrivals, appender: Appender): () => Promise<StoreStats> {
  let last = { head: 0, file_bytes: 0 };
  return async () => {
    last = await Promise.all([arrivals.head(), fileBytes(engine)]).then(
      ([head, file_bytes]) => ({ head, file_bytes }),
      () => last,
    );
    return { ...last, queue_requests: 0, queue_bytes: 0, ...appender.stats };
  };
}

const fileBytes = (engine: Engine): Promise<number> =>
  queryNumber(
    engine,
    'SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = {database:String}',
    { database: engine.database },
  );

type Meta = Awaited<ReturnType<typeof openMeta>>;

/** This collector's copy of the numbers that all collectors share and that only grow. */
async function openMeta(engine: Engine) {
  const known = new Map<string, number>();
  const refresh = async (): Promise<void> => {
    const rows = await engine.query<{ name: string; greatest: number }>(
      'SELECT name, max(value) AS greatest FROM meta GROUP BY name',
    );
    for (const { name, greatest } of rows) known.set(name, Math.max(known.get(name) ?? 0, greatest));
  };
  await refresh();
  return {
    refresh,
    fence: () => known.get('fence') ?? 0,
    swept: () => known.get('swept') ?? 0,
    clock: () => known.get('clock') ?? 0,
    async raise(name: 'fence' | 'swept' | 'clock', value: number): Promise<void> {
      if (value <= (known.get(name) ?? 0)) return;
      await engine.insert('meta', [{ name, value }]);
      known.set(name, value);
    },
  };
}
