/** The `Store` port on ClickHouse: any number of collectors share an engine, and nothing else. */
import type { EraseReport, Erasure, WritableStore } from '../store/port.js';
import { appsOfSession, openAnswers } from './answers.js';
import { openAppender } from './append.js';
import { openArrivals } from './arrivals.js';
import { openChunks } from './chunks.js';
import { connect, type Engine, type Place } from './connect.js';
import { createIds, type IdSource } from './ids.js';
import { takeNode } from './lease.js';
import { migrate } from './migrations.js';
import { deleteBelow, deleteChunks, eraseUser, forgetBatches, forgetPlaced } from './retention.js';

/** How far behind the clock the stream is: an id given this long ago is stored, or its insert has failed. */
const TRAIL_MS = 3_000;
/** How often the engine is asked what others stored, and which fence they set. */
const POLL_MS = 1_000;

export interface ClickhouseStoreOptions extends Place {
  /** Unix ms. */
  now?: () => number;
  /** Ids of one's own, for an engine with one collector, given the newest there is. */
  ids?: (head: number) => IdSource;
  trailMs?: number;
  pollMs?: number;
}

export interface ClickhouseStore extends WritableStore {
  readonly engine: Engine;
  /** Whether the engine answered when it was last asked, every shard of it. */
  isUp(): boolean;
  erase(erasure: Erasure): Promise<EraseReport>;
}

/** Connects, migrates, claims a number to give ids under. Throws `ClickhouseUnusable`. */
export async function openClickhouseStore(options: ClickhouseStoreOptions): Promise<ClickhouseStore> {
  const { now = Date.now, trailMs = TRAIL_MS, pollMs = POLL_MS } = options;
  const engine = await connect(options);
  try {
    await migrate(engine);
    const meta = await openMeta(engine);
    const lease = options.ids ? undefined : await takeNode(engine);
    const listeners = new Set<(head: number) => void>();
    let lastHead = 0;
    const lastStats = { head: 0, file_bytes: 0 };

    const arrivals = openArrivals({
      engine,
      trailMs,
      fence: meta.fence,
      swept: meta.swept,
      leastUnderWay: () => appender.leastUnderWay(),
    });
    const tellHead = async (): Promise<void> => {
      const head = await arrivals.head();
      if (head === lastHead) return;
      lastHead = head;
      for (const listener of listeners) listener(head);
    };
    const ids = options.ids?.(await greatestId(engine, meta.swept())) ?? createIds(lease?.node ?? (() => 0));
    const appender = openAppender({
      engine,
      ids,
      mayGiveIds: lease?.holds ?? (() => true),
      fence: meta.fence,
      onStored: tellHead,
    });
    lastHead = await arrivals.head();
    const chunks = openChunks(engine, createIds(lease?.node ?? (() => 0)));
    let up = true;
    const look = () =>
      meta
        .refresh()
        .then(tellHead)
        .then(
          () => true,
          () => false,
        );
    const timer = setInterval(async () => {
      up = await look();
    }, pollMs);
    timer.unref();

    const parts = { engine, arrivals, chunks, fence: meta.fence };
    const answers = openAnswers(parts);
    const fileBytes = async (): Promise<number> => {
      const [row] = await engine.query<{ bytes: number }>(
        'SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = {database:String}',
        { database: engine.database },
      );
      return Number(row?.bytes ?? 0);
    };

    return {
      engine,
      isUp: () => up && engine.isUp(),
      append: appender.append,
      ask: (kind, ask) => answers[kind](ask),
      tail: arrivals.tail,
      sessionApps: (session) => appsOfSession(parts, session),
      putChunk: chunks.put,
      chunk: chunks.get,
      async sweep({ eventsBefore, replaysBefore }) {
        if (eventsBefore !== undefined) await meta.raise('fence', eventsBefore);
        const { events, newest } = await deleteBelow(engine, meta.fence());
        if (events > 0) await meta.raise('swept', newest);
        await forgetBatches(engine, meta.fence(), now());
        await forgetPlaced(engine, now());
        return {
          events,
          chunks: replaysBefore === undefined ? 0 : await deleteChunks(engine, replaysBefore),
        };
      },
      async stats() {
        // Figures are wanted most while the engine is away: the last known ones are better than none.
        [lastStats.head, lastStats.file_bytes] = await Promise.all([arrivals.head(), fileBytes()]).catch(
          () => [lastStats.head, lastStats.file_bytes],
        );
        return { ...lastStats, queue_requests: 0, queue_bytes: 0, ...appender.stats };
      },
      onCommit(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      // The engine comes back: nothing that happens to it is final here.
      failed: new Promise<Error>(() => {}),
      async erase(erasure) {
        const bytesBefore = await fileBytes();
        const report = await eraseUser(engine, erasure);
        return { ...report, bytesBefore, bytesAfter: await fileBytes() };
      },
      async close() {
        clearInterval(timer);
        lease?.end();
        await appender.idle();
        await engine.close();
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** The numbers that all collectors share and that only grow, as this one knows them. */
async function openMeta(engine: Engine) {
  const known = new Map<string, number>();
  const refresh = async (): Promise<void> => {
    const rows = await engine.query<{ name: string; greatest: number }>(
      'SELECT name, max(value) AS greatest FROM meta GROUP BY name',
    );
    for (const { name, greatest } of rows) known.set(name, Math.max(known.get(name) ?? 0, Number(greatest)));
  };
  await refresh();
  return {
    refresh,
    fence: () => known.get('fence') ?? 0,
    swept: () => known.get('swept') ?? 0,
    async raise(name: 'fence' | 'swept', value: number): Promise<void> {
      if (value <= (known.get(name) ?? 0)) return;
      await engine.insert('meta', [{ name, value }]);
      known.set(name, value);
    },
  };
}

async function greatestId(engine: Engine, swept: number): Promise<number> {
  const [row] = await engine.query<{ id: number }>('SELECT max(id) AS id FROM arrivals');
  return Math.max(Number(row?.id ?? 0), swept);
}
