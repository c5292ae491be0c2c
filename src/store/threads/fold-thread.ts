/** The thread that reads the log and folds it ahead of the one that writes the views (`folding-ahead.ts`). */
import '../../telemetry/source-maps.js';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openLog } from '../../log/batches/log.js';
import { openEnv } from '../../log/file/env.js';
import { readU48 } from '../../log/file/keys.js';
import { addFromLog, type Folded, openPasses, type Target } from '../../projections/engine/folding.js';
import { buffersOf, type StagedRows } from '../../projections/engine/stage.js';
import { PROJECTIONS } from '../../projections/registry.js';
import { type FoldAheadData, type FoldedAhead, STOP, type WrittenRows } from './folding-ahead.js';
import { toPlain } from './rpc.js';

if (!parentPort) throw new Error('this thread must be started by foldAhead');
const port = parentPort;
const { dataDir, checkpoints, passBatches, written } = workerData as FoldAheadData;

/** The smallest passes are this part of the largest. */
const SMALLEST_PART = 8;

const env = openEnv(dataDir, { mode: 'write' });
const log = openLog(env);
const beginPass = openPasses(env);
const end = log.counters().offset;
const batches = log.tables.offsets.entryCount();
/** Ids below it are swept. */
const [firstKey] = log.tables.offsets.keys({ limit: 1 });
const first = firstKey ? readU48(firstKey, 0) : 0;
let targets = PROJECTIONS.flatMap((projection): Target[] => {
  const checkpoint = checkpoints[projection.name];
  return checkpoint === undefined ? [] : [{ projection, checkpoint }];
});
let sent = 0;
let isStopped = false;
/** Memory that came back from the thread that writes, by view: fresh memory costs a page fault a page. */
const spare = new Map<string, StagedRows>();
/** Which message was a view's last one. */
const lastOf = new Map<string, number>();

/** Waits until so many messages are written; false when there is nothing to wait for any more. */
function isWritten(messages: number): boolean {
  for (let now = Atomics.load(written, 0); now < messages; now = Atomics.load(written, 0))
    Atomics.wait(written, 0, now);
  return Atomics.load(written, 0) !== STOP;
}

/** How many batches to fold next: few at first and towards the end, when the other thread has nothing else to do. */
function passSize(passes: number): number {
  const from = Math.max(first, Math.min(...targets.map(({ checkpoint }) => checkpoint)));
  const left = (batches * (end - from)) / (end - first);
  const smallest = passBatches / SMALLEST_PART;
  return Math.ceil(Math.min(passBatches, smallest * 2 ** passes, Math.max(smallest, left / 2)));
}

function send(next: number, folded: readonly Folded[]): void {
  for (let back = receiveMessageOnPort(port); back; back = receiveMessageOnPort(port)) {
    const { view, rows } = back.message as WrittenRows;
    spare.set(view, rows);
  }
  const views = folded.map(({ view, stage, error }) =>
    error ? { view, error: toPlain(error) } : { view, rows: stage.take(spare.get(view)) },
  );
  for (const { view } of views) spare.delete(view);
  port.postMessage(
    { next, views } satisfies FoldedAhead,
    views.flatMap(({ rows }) => (rows ? buffersOf(rows) : [])),
  );
  sent++;
  for (const { view } of views) lastOf.set(view, sent);
}

for (let passes = 0; targets.length > 0; passes++) {
  const pass = beginPass(targets);
  const { next, error } = addFromLog(log, pass, targets, passSize(passes));
  const broken = new Set<string>();
  // The first view has half of the rows: they are being written while the others are still folded.
  for (const part of [targets.slice(0, 1), targets.slice(1)]) {
    if (part.length === 0) continue;
    // What the views hold is asked for only once what they were sent last is in them.
    if (!isWritten(Math.max(...part.map(({ projection }) => lastOf.get(projection.name) ?? 0)))) {
      isStopped = true;
      break;
    }
    env.renewSnapshot();
    const folded = pass.finish(part, error);
    send(next, folded);
    for (const one of folded) if (one.error) broken.add(one.view);
  }
  targets = targets
    .filter(({ projection }) => !isStopped && next < end && !broken.has(projection.name))
    .map((target) => ({ ...target, checkpoint: Math.max(target.checkpoint, next) }));
}
await env.close();
