/** The thread that reads the log and folds it ahead of the one that writes the views (`folding-ahead.ts`). */
import { parentPort, workerData } from 'node:worker_threads';
import { openEnv } from '../../log/env.js';
import { openLog } from '../../log/log.js';
import { openFolder } from '../../projections/folding.js';
import { foldSome, targetAt } from '../../projections/views.js';
import { type FoldAheadData, type FoldedAhead, STOP } from './folding-ahead.js';
import { toPlain } from './rpc.js';

if (!parentPort) throw new Error('this thread must be started by foldAhead');
const port = parentPort;
const { dataDir, places, groupBatches, written } = workerData as FoldAheadData;

const env = openEnv(dataDir, { mode: 'write' });
const log = openLog(env);
const folder = openFolder();
const end = log.counters().offset;
let targets = places.map((place) => targetAt(env, place));

for (let group = 0; targets.length > 0; group++) {
  const some = foldSome(log, folder(targets), targets, groupBatches, () => {
    // What the views hold is asked for only once the group before is in them.
    while (Atomics.load(written, 0) < group) Atomics.wait(written, 0, Atomics.load(written, 0));
    env.renewSnapshot();
  });
  if (Atomics.load(written, 0) === STOP) break;
  const views: FoldedAhead['views'] = some.views.map(({ view, stage, error }) => ({
    view,
    ...(stage && { rows: stage.take() }),
    ...(error && { error: toPlain(error) }),
  }));
  const message: FoldedAhead = { next: some.next, views };
  port.postMessage(
    message,
    views.flatMap(({ rows }) => (rows ? [rows.memory.buffer, rows.ends.buffer, rows.tableOf.buffer] : [])),
  );
  const broken = new Set(some.views.filter(({ error }) => error).map(({ view }) => view));
  targets = targets
    .filter(({ view }) => some.next < end && !broken.has(view))
    .map((target) => ({ ...target, checkpoint: Math.max(target.checkpoint, some.next) }));
}
await env.close();
