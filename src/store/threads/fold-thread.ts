/** The thread that reads the log and folds it ahead of the one that writes the views (`folding-ahead.ts`). */
import '../../telemetry/source-maps.js';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openLog } from '../../log/batches/log.js';
import { openEnv } from '../../log/file/env.js';
import { readU48 } from '../../log/file/keys.js';
import { type Folded, openFolder } from '../../projections/engine/folding.js';
import { addSome, targetAt } from '../../projections/engine/lifecycle.js';
import { buffersOf, type StagedRows } from '../../projections/engine/stage.js';
import { type FoldAheadData, type FoldedAhead, STOP, type WrittenRows } from './folding-ahead.js';
import { toPlain } from './rpc.js';

if (!parentPort) throw new Error('this thread must be started by foldAhead');
const port = parentPort;
const { dataDir, places, groupBatches, written } = workerData as FoldAheadData;

/** The smallest groups are this part of the largest. */
const SMALLEST_PART = 8;

const env = openEnv(dataDir, { mode: 'write' });
const log = openLog(env);
const folder = openFolder();
const end = log.counters().offset;
const batches = log.tables.offsets.entryCount();
/** Ids below it are swept. */
const [firstKey] = log.tables.offsets.keys({ limit: 1 });
const first = firstKey ? readU48(firstKey, 0) : 0;
let targets = places.map((place) => targetAt(env, place));
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
function groupSize(groups: number): number {
  const from = Math.max(first, Math.min(...targets.map(({ checkpoint }) => checkpoint)));
  const left = (batches * (end - from)) / (end - first);
  const smallest = groupBatches / SMALLEST_PART;
  return Math.ceil(Math.min(groupBatches, smallest * 2 ** groups, Math.max(smallest, left / 2)));
}

function send(next: number, folded: readonly Folded[]): void {
  for (let back = receiveMessageOnPort(port); back; back = receiveMessageOnPort(port)) {
    const { view, rows } = back.message as WrittenRows;
    spare.set(view, rows);
  }
  const views = folded.map(({ view, stage, error }) => ({
    view,
    ...(stage && { rows: stage.take(spare.get(view)) }),
    ...(error && { error: toPlain(error) }),
  }));
  for (const { view } of views) spare.delete(view);
  port.postMessage(
    { next, views } satisfies FoldedAhead,
    views.flatMap(({ rows }) => (rows ? buffersOf(rows) : [])),
  );
  sent++;
  for (const { view } of views) lastOf.set(view, sent);
}

for (let groups = 0; targets.length > 0; groups++) {
  const folding = folder(targets);
  const { next, error } = addSome(log, folding, targets, groupSize(groups));
  const broken = new Set<string>();
  // The first view has half of the rows: they are being written while the others are still folded.
  for (const part of [targets.slice(0, 1), targets.slice(1)]) {
    if (part.length === 0) continue;
    // What the views hold is asked for only once what they were sent last is in them.
    if (!isWritten(Math.max(...part.map(({ view }) => lastOf.get(view) ?? 0)))) {
      isStopped = true;
      break;
    }
    env.renewSnapshot();
    const folded = folding.finish(part, error);
    send(next, folded);
    for (const one of folded) if (one.error) broken.add(one.view);
  }
  targets = targets
    .filter(({ view }) => !isStopped && next < end && !broken.has(view))
    .map((target) => ({ ...target, checkpoint: Math.max(target.checkpoint, next) }));
}
await env.close();
