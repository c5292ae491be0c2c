/** `spyglass demo`: sends the made-up month to the running collector, or to one it starts for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Config } from '../config/config.js';
import { eachOf, NotDelivered, sendBatch, sendChunk, type Target } from '../demo/delivery.js';
import { startLive } from '../demo/live.js';
import { type DemoBatch, type MonthOptions, month } from '../demo/month.js';
import { isRecorded, record } from '../demo/recording.js';
import { keysOf } from '../ingest/keyring.js';
import { startCollector, urlOf } from './collector.js';
import { configPath, readConfig, type Where, writeFirstConfig } from './config-file.js';
import { CommandFailure, EXIT_USAGE } from './failure.js';
import { withProgress } from './progress.js';

export interface DemoOptions extends Where {
  app?: string;
  users: number;
  days: number;
  seed: number;
  live?: true;
}

const CONCURRENCY = 8;
const PROBE_MS = 2_000;
const LIVE_EVERY_MS = 1_000;

/** Fills, says what it did, and with `live` goes on until Ctrl-C. */
export async function demo(options: DemoOptions): Promise<void> {
  const file = configPath(options);
  if (await writeFirstConfig(file)) console.log(`Wrote a first configuration: ${file}`);
  const config = await readConfig(options);
  const app = chooseApp(config, options.app);
  const { url, close } = await findOrStart(config);
  const target: Target = { url, ...app };
  try {
    await fill(target, { ...options, until: Date.now() });
    if (options.live) await goOn(target, options);
  } finally {
    await close();
  }
}

function chooseApp(config: Config, wanted: string | undefined): { app: string; key: string } {
  const [first] = Object.keys(config.apps);
  const app = wanted ?? first ?? '';
  const known = Object.hasOwn(config.apps, app) ? config.apps[app] : undefined;
  const key = known && keysOf(known)[0];
  if (key !== undefined) return { app, key };
  throw new CommandFailure(
    `no app ${app} is configured; there is ${Object.keys(config.apps).join(', ')}`,
    EXIT_USAGE,
  );
}

/** The running collector, or one of our own on a free port with the same data folder. */
async function findOrStart(config: Config): Promise<{ url: string; close(): Promise<void> }> {
  const url = urlOf(config.listen.host, config.listen.port);
  if (await isRunning(url)) {
    console.log(`Filling the collector at ${url}`);
    return { url, close: async () => {} };
  }
  const collector = await startCollector(
    { ...config, listen: { host: '127.0.0.1', port: 0 }, limits: { ...config.limits, events_per_minute: 0 } },
    pino({ level: 'silent' }),
  );
  console.log(
    `No collector runs at ${url}: filling ${config.dataDir} by one at ${collector.url}, for as long as this takes`,
  );
  return collector;
}

async function isRunning(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(PROBE_MS) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

async function fill(target: Target, options: MonthOptions): Promise<void> {
  const sent = { events: 0, chunks: 0, days: 0 };
  await withProgress('demo', 'days', async (onProgress) => {
    for (const { batches, sessions } of month(options)) {
      await eachOf(batches, CONCURRENCY, async (batch) => {
        await sendBatch(target, batch);
        sent.events += batch.events.length;
      });
      const recorded = sessions.filter((session) => isRecorded(session, options.until));
      await eachOf(recorded, CONCURRENCY, async (session) => {
        for (const chunk of record(session)) {
          await sendChunk(target, chunk);
          sent.chunks += 1;
        }
      });
      sent.days += 1;
      onProgress({ done: sent.days, total: options.days + 1 });
    }
  });
  console.log(
    `Sent ${sent.events} events of ${options.users} people over ${sent.days} days, and ${sent.chunks} replay chunks, to app ${target.app}.`,
  );
}

/** Sends what happens in the made-up app as it happens, until a signal. */
async function goOn(target: Target, { seed, users }: DemoOptions): Promise<void> {
  const stopped = new AbortController();
  // Once: a second Ctrl-C ends the process by itself.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  console.log(`Going on in real time: ${target.url}/ (Ctrl-C stops it)`);
  const live = startLive({ seed, users, start: Date.now() });
  let events = 0;
  let isWaiting = false;
  const onWait = (reason: string): void => {
    if (!isWaiting) console.log(`Waiting for ${target.url} (${reason})`);
    isWaiting = true;
  };
  while (!stopped.signal.aborted) {
    const batches = live.due(Date.now());
    await eachOf(batches, CONCURRENCY, async (batch) => {
      if (!(await isTaken(target, batch, stopped.signal, onWait))) return;
      isWaiting = false;
      events += batch.events.length;
    });
    await sleep(LIVE_EVERY_MS, undefined, { signal: stopped.signal }).catch(() => {});
  }
  console.log(`Sent ${events} more events.`);
}

/** Waits for a collector that is being restarted, however long that takes. False where it was stopped before. */
async function isTaken(
  target: Target,
  batch: DemoBatch,
  stopped: AbortSignal,
  onWait: (reason: string) => void,
): Promise<boolean> {
  while (!stopped.aborted) {
    const failure = await sendBatch(target, batch, stopped).catch((error: unknown) => error);
    if (failure === undefined) return true;
    if (stopped.aborted) break;
    if (!(failure instanceof NotDelivered) || failure.isRefused) throw failure;
    onWait(failure.message);
  }
  return false;
}
