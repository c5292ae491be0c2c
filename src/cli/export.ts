/** `spyglass export`. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { dataDirOf, type Where } from './config-file.js';
import { CommandFailure, EXIT_USAGE } from './failure.js';
import { exportClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';

export interface ExportOptions extends Where {
  after: number;
  out?: string;
}

/** Writes the export to a new file or to standard output, at the pace of the reader. */
export async function exportEvents(options: ExportOptions): Promise<void> {
  const { after, out } = options;
  if (await exportClickhouse(options, after, (lines) => write(lines, out))) return;
  const dataDir = await dataDirOf(options);
  await onStore(
    dataDir,
    { command: 'export', after },
    'events',
    (collector, onProgress) => write(collector.pages(onProgress), out),
    async (onProgress) => {
      const { exportStore } = await import('../store/offline/export-store.js');
      await write(exportStore(dataDir, after, onProgress), out);
    },
  );
}

async function write(pages: AsyncIterable<string>, out: string | undefined): Promise<void> {
  try {
    if (out === undefined) await writePages(process.stdout, pages);
    else await writeFile(out, pages);
  } catch (error) {
    if (error instanceof RangeError) throw new CommandFailure(error.message, EXIT_USAGE);
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return; // `export | head`: the reader has enough
    throw error;
  }
}

async function writeFile(path: string, pages: AsyncIterable<string>): Promise<void> {
  const file = createWriteStream(path, { flags: 'wx', flush: true });
  try {
    await writePages(file, pages);
  } catch (error) {
    file.destroy();
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CommandFailure(`${path} exists already: name another file`, EXIT_USAGE);
  }
  file.end();
  await finished(file);
}

async function writePages(stream: NodeJS.WritableStream, pages: AsyncIterable<string>): Promise<void> {
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure = error;
  });
  for await (const page of pages) {
    // A failed stream never drains.
    if (failure) throw failure;
    if (!stream.write(page)) await once(stream, 'drain');
  }
}
