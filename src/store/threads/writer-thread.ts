/**
 * The writer thread: applies durable commit groups to the store's tables, many at a time, and answers calls
 * on the write side. Only reads wait for it, so it lets groups gather: fewer and larger transactions cost
 * less.
 */
import '../../telemetry/source-maps.js';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { APPLY_BYTES, APPLY_PAUSE_FACTOR, APPLY_PAUSE_MS_MAX } from '../../domain/limits.js';
import type { Log } from '../../log/batches/log.js';
import { openPartsBound } from '../../log/wal/apply.js';
import { commitOf } from '../../log/wal/commit-group.js';
import { openMeters } from '../../telemetry/meters.js';
import { applySlice, openWriteSide, type WriteSide } from '../sides.js';
import type {
  CommitGroupMessage,
  FromWriter,
  Notice,
  ToWriter,
  WriterData,
  WriterToIngest,
} from './messages.js';
import { answer, toPlain } from './rpc.js';

if (!parentPort) throw new Error('the writer thread must be started by openStore');
const port = parentPort;
const post = (message: FromWriter): void => port.postMessage(message);
const { dataDir, ingest, meterMemory } = workerData as WriterData;
const meters = openMeters(meterMemory);
const notice = (level: Notice['level'], text: string): void => post({ kind: 'notice', level, text });
const tellIngest = (message: WriterToIngest): void => ingest.postMessage(message);
const STILL_MS = 1_000;
let failed = false;

const appliedCommit = (log: Log): number => log.counters().commit - 1;

/**
 * Reports that the store failed, then blocks for `STILL_MS`: after a failed write lmdb-js overruns the memory
 * of its error text, and the process may crash at this thread's next free. The report gets out first.
 */
function fail(error: Error): void {
  if (failed) return;
  failed = true;
  post({ kind: 'failed', error: toPlain(error) });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STILL_MS);
}

function open() {
  try {
    return openWriteSide(dataDir, {
      meters,
      onProgress: (progress) => post({ kind: 'progress', progress }),
      onFailure: fail,
      onBroken: ({ view, error }) =>
        notice(
          'error',
          `view ${view} cannot be folded, and answers nothing until a release that can; all else goes on: ${error.stack}`,
        ),
      views: 'later',
      wal: 'leave',
    });
  } catch (error) {
    post({ kind: 'unusable', error: toPlain(error) });
    return undefined;
  }
}

/**
 * Gathers commit groups and applies them: when they are many, or asked for, or after a pause. Each turn of the loop
 * applies a slice of them, or a step of a group of very many parts: calls and the end of the thread come in between.
 */
function openGathering(write: WriteSide, log: Log) {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let newest = 0;
  let wanted = 0;
  let pauseMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let next: NodeJS.Immediate | undefined;
  const bound = openPartsBound();

  const applySome = (): void => {
    const start = performance.now();
    const { parts, done } = applySlice(write, log, waiting, bound.parts());
    for (const { length } of done) waitingBytes -= length;
    const tookMs = performance.now() - start;
    bound.note(parts, tookMs);
    meters.apply_seconds.observe(tookMs / 1_000);
    pauseMs = done.length === 0 ? 0 : Math.min(APPLY_PAUSE_MS_MAX, tookMs * APPLY_PAUSE_FACTOR);
  };
  const apply = (): void => {
    clearTimeout(timer);
    timer = undefined;
    next = undefined;
    if (failed || waiting.length === 0) return;
    try {
      applySome();
    } catch (error) {
      // They stay in the WAL for the next start; applying later ones without them would break the order.
      fail(error as Error);
      return;
    }
    const commit = appliedCommit(log);
    if (commit >= wanted) wanted = 0;
    const applied = { kind: 'applied', commit, head: write.head() } as const;
    tellIngest(applied);
    post(applied);
    if (isDue()) next = setImmediate(apply);
    else if (waiting.length > 0) timer = setTimeout(apply, pauseMs);
  };
  const isDue = (): boolean => waitingBytes >= APPLY_BYTES || (wanted > 0 && newest >= wanted);

  return {
    push(group: Buffer) {
      waiting.push(group);
      waitingBytes += group.length;
      newest = commitOf(group);
      if (next !== undefined) return;
      if (isDue()) apply();
      else timer ??= setTimeout(apply, pauseMs);
    },
    /** Asks for everything up to a commit, whose last groups may not have arrived yet. */
    want(commit: number) {
      wanted = commit > appliedCommit(log) ? Math.max(wanted, commit) : wanted;
      if (next === undefined && isDue()) apply();
    },
    /** The WAL keeps what waits. */
    stop() {
      clearTimeout(timer);
      clearImmediate(next);
      waiting = [];
    },
  };
}

/** Folds the views that lag: one bounded transaction a turn of the loop, so that commits come in between. */
function startFolding(write: WriteSide) {
  let stopped = false;
  const goOn = (): void => {
    if (stopped || failed) return;
    try {
      if (write.foldViews()) setImmediate(goOn);
      else notice('info', 'views are folded, and serve');
    } catch (error) {
      fail(error as Error);
    }
  };
  // Most are done in this step, before anything is accepted.
  const first = write.foldViews();
  if (first && first.done < first.total) {
    notice('info', `folding ${first.views.join(', ')} from ${first.total} events, beside what goes on`);
    setImmediate(goOn);
  }
  return {
    stop: () => {
      stopped = true;
    },
  };
}

const opened = open();
if (opened) {
  const { env, log, ...write } = opened;
  const gathering = openGathering(write, log);
  const folding = startFolding(write);
  const end = async (): Promise<void> => {
    folding.stop();
    gathering.stop();
    await env.close();
    process.exit();
  };
  ingest.on('message', ({ bytes }: CommitGroupMessage) => gathering.push(Buffer.from(bytes.buffer)));
  port.on('message', (message: ToWriter) => {
    if (message.kind === 'end') void end();
    else if (message.kind === 'apply') gathering.want(message.commit);
    else void answer(write, message).then(post);
  });
  tellIngest({ kind: 'opened' });
  post({ kind: 'applied', commit: appliedCommit(log), head: log.head() });
  post({ kind: 'ready' });
}
