/** The export of a store that nobody writes to meanwhile. */
import { openLog } from '../../log/batches/log.js';
import { openEnv } from '../../log/file/env.js';
import { servingViews } from '../../projections/engine/serving.js';
import { PROJECTIONS } from '../../projections/registry.js';
import type { Progress } from '../port.js';
import { readSideOf } from '../sides.js';
import { exportPages } from './export.js';

/** The pages of `exportPages`. Throws `StoreUnusable`, and `RangeError` for an `after` beyond the head. */
export async function* exportStore(
  dataDir: string,
  after: number,
  onProgress: (progress: Progress) => void,
): AsyncGenerator<string> {
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    const log = openLog(env);
    const { exportPage } = readSideOf(servingViews(env, log, PROJECTIONS), log);
    yield* exportPages(async (place) => exportPage(place), after, onProgress);
  } finally {
    await env.close();
  }
}
