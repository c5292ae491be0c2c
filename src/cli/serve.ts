/** `spyglass serve`: runs the collector until a signal, or until its store fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { type Logger, pino } from 'pino';
import type { Config } from '../config/config.js';
import { SHUTDOWN_MS } from '../domain/limits.js';
import { announcement } from './announcement.js';
import { type Collector, startCollector } from './collector.js';
import { configPath, readConfig, type Where, writeFirstConfig } from './config-file.js';
import { EXIT_FAILED, EXIT_OK, explain } from './failure.js';
import { type Progress, startProgress } from './progress.js';

export interface ServeOptions extends Where {
  logLevel?: string;
  /** Says nothing on standard output, where what starts services would keep the keys among its logs. */
  quiet?: true;
}

/** npm passes a terminal's Ctrl-C on, so that one press arrives twice; what comes within this is the same press. */
const SAME_SIGNAL_MS = 300;
const HAD_TERMINAL = isatty(0);
const terminalIsGone = (): boolean => HAD_TERMINAL && !isatty(0);
/** A store that failed has nothing to finish but answers under way. */
const FAILED_CLOSE_MS = 10_000;

/** Settles never: the process ends in here, with exit code 0 after a signal. Throws what a start can fail with. */
export async function serve(options: ServeOptions): Promise<void> {
  const file = configPath(options);
  if (await writeFirstConfig(file)) console.log(`Wrote a first configuration: ${file}`);
  const config = await readConfig(options);
  outliveOutput();
  const signal = firstSignal();
  const log = openLogger(levelOf(options, config));
  const started = start(config, log);
  onReload(async () => reload(await started, options, log));
  const collector = await started;
  if (!options.quiet)
    process.stdout.write(announcement(config, collector.url, process.stdout.isTTY && !process.env.NO_COLOR));

  let hasFailed = false;
  void collector.store.failed.then((error) => {
    hasFailed = true;
    sayFailed(error);
  });
  const reason = await Promise.race([signal, collector.store.failed]);
  const code = reason instanceof Error ? await giveUp(collector) : await shutDown(collector);
  // Node's own exit fails an assertion where it cannot set the terminal right any more.
  if (terminalIsGone()) endAtOnce();
  process.exit(hasFailed ? EXIT_FAILED : code);
}

async function start(config: Config, log: Logger): Promise<Collector> {
  // Most starts have nothing to bring up; those do not wait for a progress bar to load.
  let progress: Promise<Progress> | undefined;
  try {
    return await startCollector(config, log, (at) => {
      progress ??= startProgress('bringing views up to the log', 'events');
      void progress.then((bar) => bar.update(at));
    });
  } finally {
    (await progress)?.stop();
  }
}

/** JSON lines on standard error, for whatever collects logs. */
function openLogger(level: string): Logger {
  const output = pino.destination({ dest: 2, sync: true });
  output.on('error', () => {});
  return pino({ level, base: null }, output);
}

/** Whoever reads what it writes may go away, as a terminal does; what was accepted is finished all the same. */
function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** As the command line says, else the configuration; a person at a terminal wants to hear of trouble only. */
const levelOf = ({ logLevel }: ServeOptions, { log }: Config): string =>
  logLevel ?? log.level ?? (process.stderr.isTTY ? 'warn' : 'info');

/** Reads the configuration again. One that cannot be used changes nothing, and is one line that names every problem. */
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
 * Calls back at every SIGHUP, one call after the other; what arrives meanwhile is one more. A terminal that goes away
 * sends the same signal: then it means the end, and the first handler of signals is told so.
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

/** Without a look at threads that may be in the middle of a transaction: an orderly exit would wait for them for ever. */
function endAtOnce(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('unreachable');
}

/** For whoever looks at the terminal; said in the same turn as the log's fatal line, before anything is closed. */
function sayFailed(error: Error): void {
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  console.error(`spyglass: the store failed and takes nothing more: ${error.message}${cause}`);
}

async function giveUp(collector: Collector): Promise<number> {
  const closed = collector.close().then(
    () => true,
    () => true,
  );
  return (await Promise.race([closed, sleep(FAILED_CLOSE_MS, false)])) ? EXIT_FAILED : endAtOnce();
}
