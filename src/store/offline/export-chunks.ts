/** Every replay chunk of a store with its bytes, for a move to another engine; beside a live collector too. */

import { openLog } from '../../log/batches/log.js';
import { openEnv } from '../../log/file/env.js';
import { openChunkFiles } from '../../replay/files.js';
import { openManifest } from '../../replay/manifest.js';
import type { NewChunk } from '../port.js';

/** How many chunks there are, and each in turn; one that is replaced or expires meanwhile is left out. */
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
