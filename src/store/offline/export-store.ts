/** Reads all of a store that nobody writes to: events as an export, chunks to move to another engine. */
import { openLog } from '../../log/batches/log.js';
import { openEnv } from '../../log/file/env.js';
import { servingViews } from '../../projections/engine/serving.js';
import { PROJECTIONS } from '../../projections/registry.js';
import { openChunkFiles } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { NewChunk, OnProgress } from '../port.js';
import { readSideOf } from '../sides.js';
import { exportPages } from './export.js';

/** The pages of `exportPages`. Throws `StoreUnusable`, and `RangeError` for an `after` beyond the head. */
export async function* exportStore(
  dataDir: string,
  after: number,
  onProgress: OnProgress,
): AsyncGenerator<string> {
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    const log = openLog(env);
    const { exportPage } = readSideOf(servingViews(env, log, PROJECTIONS), log);
    yield* exportPages(async (position) => exportPage(position), after, onProgress);
  } finally {
    await env.close();
  }
}

/** How many chunks there are, and each in turn. */
export async function openChunkExport(
  dataDir: string,
): Promise<{ count: number; chunks(): AsyncGenerator<NewChunk>; close(): Promise<void> }> {
  const env = openEnv(dataDir, { mode: 'read' });
  const log = openLog(env);
  const files = openChunkFiles(dataDir);
  const rows = [...openManifest(env).all()];
  return {
    count: rows.length,
    async *chunks() {
      for (const { app, session, chunk } of rows) {
        const bytes = await files.read(chunk.fileId);
        if (bytes === undefined) continue;
        const { seq, ts, receivedAt } = chunk;
        const name = log.dictionaries.text('app', app);
        yield { app: name, session, seq, receivedAt, bytes, ...(ts === undefined ? {} : { ts }) };
      }
    },
    close: () => env.close(),
  };
}
