/** `spyglass verify`. */
import { dataDirOf, type Where } from './config-file.js';
import { EXIT_FAILED } from './failure.js';
import { verifyClickhouse } from './on-clickhouse.js';
import { startProgress } from './progress.js';

export interface VerifyOptions extends Where {
  diff?: true;
}

/** Changes listed one by one. */
const CHANGES_MAX = 50;

/** Checks the store and says what it found; a problem, or a change with `diff`, makes the exit code 1. */
export async function verify({ diff, ...where }: VerifyOptions): Promise<void> {
  if (await verifyClickhouse(where)) return;
  const dataDir = await dataDirOf(where);
  if (diff) return verifyDiff(dataDir);
  const { verifyStore } = await import('../store/offline/verify.js');
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

async function verifyDiff(dataDir: string): Promise<void> {
  const { diffStore } = await import('../store/offline/diff.js');
  const progress = await startProgress('fold', 'events');
  const { asked, changes } = await diffStore(dataDir, ({ done, total }) =>
    progress.update(done, total),
  ).finally(progress.stop);
  if (changes.length === 0) {
    console.log(`ok  ${dataDir}: none of ${asked} answers would change`);
    return;
  }
  for (const change of changes.slice(0, CHANGES_MAX)) console.log(change);
  console.log(
    `CHANGES  ${dataDir}: ${changes.length} of ${asked} answers would change, or cannot be compared`,
  );
  process.exitCode = EXIT_FAILED;
}
