/** A whole collector in this process: the store, the HTTP server on it, and the daily sweep, opened and closed as one. */
import { createServer as createSocketServer } from 'node:net';
import type { Logger } from 'pino';
import type { ClickhouseTuning } from '../clickhouse/open.js';
import type { Config } from '../config/config.js';
import { needRestart, takeOver } from '../config/live-config.js';
import { SHUTDOWN_MS } from '../domain/limits.js';
import { VERSION } from '../domain/version.js';
import { walBytes } from '../log/wal/wal.js';
import { openAuditTrail } from '../store/audit.js';
import { startDiskWatch } from '../store/disk-watch.js';
import { lockDataDir } from '../store/offline/exclusive.js';
import { onThread } from '../store/offline/on-thread.js';
import { openStore } from '../store/open.js';
import type { AuditTrail, EraseReport, Erasure, OnProgress, Store } from '../store/port.js';
import { type Opened, openReopenable } from '../store/reopenable.js';
import type { Notice } from '../store/threads/messages.js';
import { newMeterMemory, openMeters } from '../telemetry/meters.js';
import { startSweeping } from './sweeping.js';

export interface Collector {
  /** Where it answers: `http://host:port`, the port as bound. */
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  /**
   * Takes over all of `next` that a running collector can take over: keys, origins, passwords, retention, the limits but
   * those of bodies. Settles with the settings that differ and need a new start.
   */
  reload(next: Config): Promise<string[]>;
  /** Notes that a configuration could not be used. */
  reloadRefused(): void;
  /** Ends in order: no new requests, those under way answered, what was accepted stored, the store closed. */
  close(): Promise<void>;
}

/**
 * Opens the store, serves it over HTTP, and keeps to the retention of `config`. Port 0 binds a free one. `tuning` is for tests of the
 * engine beyond this process.
 *
 * The port is tried before the data folder is opened, so that a start that cannot succeed touches nothing. Throws
 * what binding the port or opening the store throws.
 */
export async function startCollector(
  given: Config,
  log: Logger,
  onProgress: OnProgress = () => {},
  tuning: ClickhouseTuning = {},
): Promise<Collector> {
  // A reload changes it: who reads a setting when it is needed has the newest.
  const config = structuredClone(given);
  await assertPortFree(config.listen);
  // The server's modules load while the store's threads start.
  const serverModule = import('../api/server.js');
  const meterMemory = newMeterMemory();
  const reloads = { applied: 0, refused: 0 };
  const onNotice = ({ level, text }: Notice) => log[level](text);
  const opened = await openEngine(config, { onProgress, onNotice, tuning, meterMemory });
  const { store, ingest, isOpen, audit, erase, disk } = opened;
  const closeEngine = () => store.close().finally(opened.letGo);
  try {
    const { createServer, DASHBOARD_DIR } = await serverModule;
    const server = await createServer({
      config,
      store,
      ingest,
      log,
      version: VERSION,
      ready: isOpen,
      erase,
      audit,
      disk,
      meters: openMeters(meterMemory),
      walBytes: () => (config.store.engine === 'lmdb' ? walBytes(config.dataDir) : 0),
      reloads: () => reloads,
      dashboardDir: DASHBOARD_DIR,
      now: Date.now,
    });
    await server.listen(config.listen);
    const address = server.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : config.listen.port;
    const sweeping = startSweeping(store, config.retention, log);
    await opened.takeCommands(log);
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
        sweeping.stop();
        disk.stop();
        // Half-sent requests are nothing accepted: they may not hold up what is.
        const cutOff = setTimeout(() => server.server.closeAllConnections(), SHUTDOWN_MS / 2);
        await server.close();
        clearTimeout(cutOff);
        await closeEngine();
      },
    };
  } catch (error) {
    await closeEngine();
    throw error;
  }
}

/** What a server needs of where its data are kept. */
interface OpenedEngine extends Opened {
  isOpen(): boolean;
  audit: AuditTrail;
  erase(erasure: Erasure): Promise<EraseReport>;
  disk: ReturnType<typeof startDiskWatch>;
  /** Answers the operator's commands from here on, where there is a data folder to ask in. */
  takeCommands(log: Logger): Promise<void>;
  /** Lets the data folder go, once the store is closed. */
  letGo(): Promise<void>;
}

/** The configured engine; another than the embedded one is loaded only when it is wanted. */
async function openEngine(
  config: Config,
  options: {
    onProgress: OnProgress;
    onNotice: (notice: Notice) => void;
    tuning: ClickhouseTuning;
    meterMemory: Float64Array;
  },
): Promise<OpenedEngine> {
  const { onProgress, onNotice, tuning, meterMemory } = options;
  const { dataDir } = config;
  if (config.store.engine === 'clickhouse') {
    const { openClickhouse } = await import('../clickhouse/open.js');
    const { freeBytes, ...opened } = await openClickhouse(config.store, config, tuning);
    const disk = startDiskWatch(dataDir, config.disk, freeBytes);
    return { ...opened, disk, takeCommands: async () => {}, letGo: async () => {} };
  }
  const lock = await lockDataDir(dataDir);
  const reopenable = await openReopenable(() => {
    const { apps, limits } = config;
    return openStore({ dataDir, apps, limits, onProgress, onNotice, meterMemory });
  }).catch(async (error) => {
    await lock.release();
    throw error;
  });
  const disk = startDiskWatch(dataDir, config.disk);
  return {
    ...reopenable,
    audit: openAuditTrail(dataDir),
    disk,
    erase: (erasure) => reopenable.whileClosed(() => onThread('erase', dataDir, () => {}, erasure)),
    async takeCommands(log) {
      // Not before the store's threads have started.
      const [{ answerCommands }, { carryOut }] = await Promise.all([
        import('../api/commands/answer-commands.js'),
        import('./carry-out.js'),
      ]);
      lock.serve(answerCommands(carryOut(config, reopenable, disk), log));
    },
    letGo: lock.release,
  };
}

/** The address people can open for a host something listens on; a wildcard is reached at loopback. */
export function urlOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Binds the port for a moment; rejects with the socket's own error (`EADDRINUSE`, `EACCES`, …) where that fails. */
async function assertPortFree(listen: Config['listen']): Promise<void> {
  if (listen.port === 0) return;
  const probe = createSocketServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen({ ...listen, exclusive: true }, resolve);
  });
  await new Promise<void>((resolve) => probe.close(() => resolve()));
}
