/** The server on a fake store, and the same listening on a loopback port. */
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Test } from 'tap';
import type { ServerDeps } from '../../../src/api/context.js';
import { createServer, DASHBOARD_DIR } from '../../../src/api/server.js';
import type { Config } from '../../../src/config/config.js';
import { openMeters } from '../../../src/telemetry/meters.js';
import { createFakeStore, type FakeStore } from './fake-store.js';

export const KEY = 'sg_live_inventory';

export const CONFIG: Config = {
  listen: { host: '127.0.0.1', port: 0 },
  dataDir: '/nowhere',
  apps: { inventory: { key: KEY, origins: [] } },
  retention: { replays_days: 0, events_days: 0 },
  auth: { open: false },
  disk: { replay_bytes_per_hour: 0, replay_free_bytes: 0, events_free_bytes: 0 },
  store: { engine: 'lmdb' },
  limits: { body_bytes: 1_000, chunk_bytes: 2_000, events_per_minute: 0 },
  log: {},
};

/** Builds the server; `deps` replaces what stands in for the rest: a store that is empty, a disk without end. */
export function createTestServer(deps: Partial<ServerDeps> = {}): Promise<FastifyInstance> {
  return createServer({
    config: CONFIG,
    store: createFakeStore(),
    ingest: async () => undefined,
    log: pino({ level: 'silent' }),
    version: '1.2.3',
    erase: async () => ({ events: 0, sessions: 0, chunks: 0, bytesBefore: 0, bytesAfter: 0 }),
    audit: { note: async () => {}, list: async () => [] },
    disk: {
      freeBytes: () => Number.MAX_SAFE_INTEGER,
      freeFiles: () => Number.MAX_SAFE_INTEGER,
      takesEvents: () => true,
      takesReplays: () => true,
      spend: () => undefined,
      giveBack: () => {},
    },
    meters: openMeters(),
    walBytes: () => 0,
    erasuresPending: () => [],
    logLinesDropped: () => 0,
    reloads: () => ({ applied: 0, refused: 0 }),
    clock: () => ({ state: 'trusted', wall: 0, evidence: 0, time: 0, doubtMs: 0 }),
    ready: () => true,
    dashboardDir: DASHBOARD_DIR,
    now: Date.now,
    ...deps,
  });
}

export interface Served {
  url: string;
  store: FakeStore;
  /** What was logged, a JSON line each. */
  lines: string[];
  close(): Promise<void>;
}

/** Serves until the test ends; `deps` replaces what the fake gives. */
export async function serve(t: Test, deps: Partial<ServerDeps> = {}): Promise<Served> {
  const store = createFakeStore();
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const app = await createTestServer({ store, log, ...deps });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(() => app.close());
  return { url, store, lines, close: () => app.close() };
}
