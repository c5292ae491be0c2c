/** `spyglass serve`: runs the collector until a signal, or until its store fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { type Logger, pino } from 'pino';
import type { Config } from '../config/config.js';
import { LOG_FLUSH_MS, SHUTDOWN_MS } from '../domain/limits.js';
import type { OnProgress } from '../store/port.js';
import { announcement } from './announcement.js';
import { type Collector, type CollectorOptions, startCollector } from './collector.js';
import { configPath, readConfig, type Where, writeFirstConfig } from './config-file.js';
import { EXIT_FAILED, EXIT_OK, explain } from './failure.js';
import { flushed, openLogOutput } from './log-output.js';
import { type Progress, startProgress } from './progress.js';

export interface ServeOptions extends Where {
  logLevel?: string;
  /** Deletes by the clock, however far ahead of the store it is. */
  trustClock?: true;
  /** Prints no announcement: it has keys, and a service's output is kept. */
  quiet?: true;
}

/** npm passes Ctrl-C on, so one press arrives twice: a second signal within this is the same press. */
const SAME_SIGNAL_MS = 300;
const HAD_TERMINAL = isatty(0);
const terminalIsGone = (): boolean => HAD_TERMINAL && !isatty(0);
/** A failed store only has to finish answers under way. */
const FAILED_CLOSE_MS = 10_000;

/** Never settles: it ends the process, with exit code 0 after a signal. Throws the errors of a start. */
export async function serve(options: ServeOptions): Promise<void> {
  const file = configPath(options);
  if (await writeFirstConfig(file)) console.log(`Wrote a first configuration: ${file}`);
  const config = await readConfig(options);
  outliveOutput();
  const signal = firstSignal();
  const output = openLogOutput(process.stderr);
  const log = pino({ level: levelOf(options, config), base: null }, output);
  const started = start(config, log, { trustClock: options.trustClock, logLinesDropped: output.dropped });
  onReload(async () => reload(await started, options, log));
  const collector = await started;
  if (!options.quiet)
    process.stdout.write(announcement(config, collector.url, process.stdout.isTTY && !process.env.NO_COLOR));

  let hasFailed = false;
  void collector.store.failed.then((error) => {
    hasFailed = true;
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
    console.error(`spyglass: the store failed and takes nothing more: ${error.message}${cause}`);
  });
  const reason = await Promise.race([signal, collector.store.failed]);
  const code = reason instanceof Error ? await giveUp(collector) : await shutDown(collector);
  await flushed([process.stdout, process.stderr], LOG_FLUSH_MS);
  // Node's own exit fails an assertion when it cannot restore the terminal.
  if (terminalIsGone()) endAtOnce();
  process.exit(hasFailed ? EXIT_FAILED : code);
}

async function start(config: Config, log: Logger, given: CollectorOptions): Promise<Collector> {
  // The bar is loaded at the first progress: most starts have none.
  let progress: Promise<Progress> | undefined;
  try {
    const onProgress: OnProgress = (at) => {
      progress ??= startProgress('bringing views up to the log', 'events');
      void progress.then((bar) => bar.update(at));
    };
    return await startCollector(config, log, onProgress, {}, given);
  } finally {
    (await progress)?.stop();
  }
}

/** Output may break when a terminal goes away; that must not end the process. */
function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** The level of the command line, else of the configuration, else the default for a terminal or a service. */
const levelOf = ({ logLevel }: ServeOptions, { log }: Config): string =>
  logLevel ?? log.level ?? (process.stderr.isTTY ? 'warn' : 'info');

/** Reads the configuration again. An invalid one changes nothing and is logged with every problem. */
async function reload(collector: Collector, options: ServeOptions, log: Logger): Promise<void> {
  try {
    const next = await readConfig(options);
    const needRestart = await collector.reload(next);
    log.level = levelOf(options, next);
    if (needRestart.length > 0) log.warn({ needRestart }, 'some settings take a new start to change');
    log.info({ apps: Object.keys(next.apps) }, 'configuration reloaded');
  } catch (error) {
    collector.reloadRefused();
    const problems = explain(error)?.message ?? String(error);
    log.error(
      { problems: problems.split('\n').map((line) => line.trim()) },
      'configuration not reloaded: the old one stays',
    );
  }
}

/**
 * Runs `run` at every SIGHUP, one run after the other; signals during a run make one more. A terminal that
 * goes away sends SIGHUP too: then it ends the process as SIGTERM does.
 */
function onReload(run: () => Promise<void>): void {
  let running: Promise<void> = Promise.resolve();
  let waiting = 0;
  process.on('SIGHUP', () => {
    if (terminalIsGone()) {
      process.kill(process.pid, 'SIGTERM');
      return;
    }
    if (waiting > 1) return;
    waiting++;
    running = running.then(run).finally(() => {
      waiting--;
    });
  });
}

/** Settles with the first signal to stop; a second one ends the process at once. */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      firstAt ??= performance.now();
      if (performance.now() - firstAt > SAME_SIGNAL_MS) endAtOnce();
      resolve(signal);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  });
}

/** Finishes what was accepted; returns the exit code. */
async function shutDown(collector: Collector): Promise<number> {
  if (process.stdout.isTTY) console.log('\nFinishing what was accepted … (once more to stop at once)');
  const finished = collector.close().then(() => true);
  if (await Promise.race([finished, sleep(SHUTDOWN_MS, false)])) return EXIT_OK;
  console.error(`spyglass: stopped after ${SHUTDOWN_MS / 1_000} s with work unfinished`);
  return endAtOnce();
}

/** An orderly exit would wait for ever for threads that are within a transaction. */
function endAtOnce(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}

async function giveUp(collector: Collector): Promise<number> {
  const closed = collector.close().then(
    () => true,
    () => true,
  );
  return (await Promise.race([closed, sleep(FAILED_CLOSE_MS, false)])) ? EXIT_FAILED : endAtOnce();
}
