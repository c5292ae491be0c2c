/** A whole collector in this process: store, HTTP server and daily sweep, opened and closed together. */
import { createServer as createSocketServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { ClickhouseTuning } from '../clickhouse/open.js';
import type { Config } from '../config/config.js';
import { needRestart, takeOver } from '../config/live-config.js';
import { SHUTDOWN_MS } from '../domain/limits.js';
import type { TimeEvidence } from '../domain/time-evidence.js';
import { VERSION } from '../domain/version.js';
import { walBytes } from '../log/wal/wal.js';
import { openAuditTrail } from '../store/audit.js';
import { ROOM_WITHOUT_END, startDiskWatch } from '../store/disk-watch.js';
import { pendingErasures } from '../store/offline/erasures.js';
import { finishErasures, lockDataDir } from '../store/offline/exclusive.js';
import { runJob } from '../store/offline/run-job.js';
import { type OpenStoreOptions, openStore } from '../store/open.js';
import type { AuditTrail, EraseReport, Erasure, OnProgress, Store } from '../store/port.js';
import { type Opened, openReopenable } from '../store/reopenable.js';
import type { Notice } from '../store/threads/messages.js';
import { newMeterMemory, openMeters } from '../telemetry/meters.js';
import { openClock, startSweeping } from './sweeping.js';

export interface Collector {
  /** Where it answers: `http://host:port`, the port as bound. */
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  /** Takes over what it can of `next`; settles with the changed settings that need a restart. */
  reload(next: Config): Promise<string[]>;
  /** Notes that a configuration could not be used. */
  reloadRefused(): void;
  /** Refuses new requests, answers those under way, stores what was accepted, and closes the store. */
  close(): Promise<void>;
}

export interface CollectorOptions {
  /** The clock is right, however far ahead of the store it is. */
  trustClock?: boolean | undefined;
  /** Log lines dropped since the start. */
  logLinesDropped?: () => number;
}

/**
 * Opens the store, serves it over HTTP, and sweeps it daily. Port 0 binds a free one; `tuning` is for tests
 * of ClickHouse. Throws what binding the port or opening the store throws; the port is tried first, before
 * anything is written.
 */
export async function startCollector(
  given: Config,
  log: Logger,
  onProgress: OnProgress = () => {},
  tuning: ClickhouseTuning = {},
  { trustClock = false, logLinesDropped = () => 0 }: CollectorOptions = {},
): Promise<Collector> {
  // A reload changes this object, so its readers always see the newest settings.
  const config = structuredClone(given);
  await assertPortFree(config.listen);
  // The server's modules load while the store's threads start.
  const serverModule = import('../api/server.js');
  const meterMemory = newMeterMemory();
  const reloads = { applied: 0, refused: 0 };
  const onNotice = ({ level, text }: Notice) => log[level](text);
  const opened = await openEngine(config, tuning, { onProgress, onNotice, meterMemory });
  const { store, ingest, isReady, audit, erase, disk } = opened;
  const closeEngine = () => store.close().finally(opened.letGo);
  try {
    const clock = await openClock(store, trustClock);
    const { createServer, DASHBOARD_DIR } = await serverModule;
    const server = await createServer({
      config,
      store,
      ingest,
      log,
      version: VERSION,
      ready: isReady,
      erase,
      audit,
      disk,
      meters: openMeters(meterMemory),
      walBytes: () => (config.store.engine === 'lmdb' ? walBytes(config.dataDir) : 0),
      erasuresPending: () => (config.store.engine === 'lmdb' ? pendingErasures(config.dataDir) : []),
      reloads: () => reloads,
      clock: clock.look,
      logLinesDropped,
      dashboardDir: DASHBOARD_DIR,
      now: Date.now,
    });
    const port = await listen(server, config.listen);
    const sweeping = startSweeping(store, config.retention, log, clock);
    await opened.takeCommands(log, clock);
    return {
      url: urlOf(config.listen.host, port),
      port,
      store,
      async reload(next) {
        const fixed = needRestart(config, next);
        takeOver(config, next);
        await opened.configure(config);
        reloads.applied++;
        return fixed;
      },
      reloadRefused: () => {
        reloads.refused++;
      },
      close: async () => {
        await sweeping.stop();
        disk.stop();
        await closeServer(server);
        await closeEngine();
      },
    };
  } catch (error) {
    await closeEngine();
    throw error;
  }
}

/** Returns the port as bound. */
async function listen(server: FastifyInstance, at: Config['listen']): Promise<number> {
  await server.listen(at);
  const address = server.server.address();
  return typeof address === 'object' && address !== null ? address.port : at.port;
}

async function closeServer(server: FastifyInstance): Promise<void> {
  // Half-sent requests must not delay the end.
  const cutOff = setTimeout(() => server.server.closeAllConnections(), SHUTDOWN_MS / 3);
  await server.close();
  clearTimeout(cutOff);
}

/** What a server needs of its engine. */
interface OpenedEngine extends Opened {
  isReady(): boolean;
  audit: AuditTrail;
  erase(erasure: Erasure, check: () => Promise<unknown>): Promise<EraseReport>;
  disk: ReturnType<typeof startDiskWatch>;
  /** Answers the operator's commands from here on, if the engine has a data folder. */
  takeCommands(log: Logger, clock: TimeEvidence): Promise<void>;
  /** Releases the data folder, once the store is closed. */
  letGo(): Promise<void>;
}

/** Opens the configured engine; ClickHouse's modules are loaded only when it is configured. */
async function openEngine(
  config: Config,
  tuning: ClickhouseTuning,
  options: Required<Pick<OpenStoreOptions, 'onProgress' | 'onNotice' | 'meterMemory'>>,
): Promise<OpenedEngine> {
  const { dataDir } = config;
  if (config.store.engine === 'clickhouse') {
    const { openClickhouse } = await import('../clickhouse/open.js');
    const {
      isOpen: isReady,
      erase,
      ...opened
    } = await openClickhouse(config.store, config, tuning, options.onNotice);
    const disk = startDiskWatch(dataDir, config.disk, () => ROOM_WITHOUT_END);
    return {
      ...opened,
      isReady,
      disk,
      erase: (erasure, check) => check().then(() => erase(erasure)),
      takeCommands: async () => {},
      letGo: async () => {},
    };
  }
  const lock = await lockDataDir(dataDir);
  const { onProgress, onNotice } = options;
  // Once a start: a store that opens again after an erasure that failed must not try it at once.
  const reopenable = await finishErasures(dataDir, onProgress, (text) => onNotice({ level: 'error', text }))
    .then(() =>
      openReopenable(() => {
        const { apps, limits } = config;
        return openStore({ dataDir, apps, limits, ...options });
      }),
    )
    .catch(async (error) => {
      await lock.release();
      throw error;
    });
  const disk = startDiskWatch(dataDir, config.disk);
  return {
    ...reopenable,
    audit: openAuditTrail(dataDir),
    disk,
    erase: (erasure, check) =>
      reopenable.whileClosed(() => runJob('erase', dataDir, () => {}, erasure), check),
    async takeCommands(log, clock) {
      // Loaded only after the store's threads have started.
      const [{ answerCommands }, { carryOut }] = await Promise.all([
        import('../api/commands/answer-commands.js'),
        import('./carry-out.js'),
      ]);
      lock.serve(answerCommands(carryOut(config, reopenable, disk, clock, log), log));
    },
    letGo: lock.release,
  };
}

/** The address at which a browser reaches a listening host; a wildcard is reached at loopback. */
export function urlOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Binds the port for a moment; rejects with the socket's error (`EADDRINUSE`, `EACCES`, …) if that fails. */
async function assertPortFree(listen: Config['listen']): Promise<void> {
  if (listen.port === 0) return;
  const probe = createSocketServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen({ ...listen, exclusive: true }, resolve);
  });
  await new Promise<void>((resolve) => probe.close(() => resolve()));
}
