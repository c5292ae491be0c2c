/** `spyglass verify`. */
import { dataDirOf, type Where } from './config-file.js';
import { EXIT_FAILED } from './failure.js';
import { verifyClickhouse } from './on-clickhouse.js';
import { startProgress } from './progress.js';

/** Checks the store and says what it found; a problem makes the exit code 1. */
export async function verify(where: Where): Promise<void> {
  if (await verifyClickhouse(where)) return;
  const dataDir = await dataDirOf(where);
  const { verifyStore } = await import('../store/verify.js');
  const progress = await startProgress('verify', 'events');
  const report = await verifyStore(dataDir, ({ done, total }) => progress.update(done, total)).finally(
    progress.stop,
  );
  if (report.problem !== undefined) {
    console.log(`NOT OK  ${dataDir}: ${report.problem}`);
    process.exitCode = EXIT_FAILED;
    return;
  }
  const { events, rows, chunks } = report;
  console.log(
    `ok  ${dataDir}: ${events} events, ${rows} rows of views as a rebuild makes them, ${chunks} replay chunks`,
  );
}
