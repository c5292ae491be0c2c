/** `spyglass import`. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { dataDirOf, type Where } from './config-file.js';
import { EXIT_FAILED } from './failure.js';
import { withProgress } from './progress.js';

/** Reads an export from a file, or from standard input; one that was cut off makes the exit code 1. */
export async function importEvents(file: string | undefined, where: Where): Promise<void> {
  const dataDir = await dataDirOf(where);
  const { importLines } = await import('../store/offline/import.js');
  const input = file === undefined ? process.stdin : createReadStream(file);
  const unreadable = new Promise<never>((_, reject) => input.once('error', reject));
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const report = await withProgress('import', 'events', (onProgress) =>
    Promise.race([unreadable, importLines({ dataDir, lines, onProgress, now: Date.now() })]),
  );
  const counts = [
    `${report.events} events stored`,
    ...(report.known > 0 ? [`${report.known} were there already`] : []),
    ...(report.expired > 0 ? [`${report.expired} past the store's retention left out`] : []),
    `${report.batchIds} batch ids remembered`,
  ].join(', ');
  if (report.complete) {
    console.log(`ok  ${dataDir}: ${counts}; the store ends at id ${report.head}`);
    return;
  }
  console.log(
    `NOT OK  ${dataDir}: ${counts}; the export was cut off. Go on with: spyglass export --after ${report.head}`,
  );
  process.exitCode = EXIT_FAILED;
}
