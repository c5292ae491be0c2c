/** What commands do where the configuration keeps events in ClickHouse. */
import type { ClickhouseStore } from '../clickhouse/store.js';
import { type WouldErase, wouldErase } from '../questions/before-erasure.js';
import type { EraseReport, Erasure, Store, SweepReport } from '../store/port.js';
import { readConfig, type Where } from './config-file.js';
import { EXIT_FAILED } from './failure.js';
import { withProgress } from './progress.js';

/** Runs `work` if events are kept in ClickHouse and there is no `--data`; returns whether it did. */
async function onClickhouse(where: Where, work: (store: ClickhouseStore) => Promise<void>): Promise<boolean> {
  if (where.data !== undefined) return false;
  const { store: settings } = await readConfig(where);
  if (settings.engine !== 'clickhouse') return false;
  const { openClickhouseStore } = await import('../clickhouse/store.js');
  const store = await openClickhouseStore({ ...settings, trailMs: 0 });
  try {
    await work(store);
  } finally {
    await store.close();
  }
  return true;
}

export const verifyClickhouse = (where: Where): Promise<boolean> =>
  onClickhouse(where, async ({ engine }) => {
    const { verifyViews } = await import('../clickhouse/views.js');
    const { events, different } = await verifyViews(engine);
    const wrong = Object.entries(different).filter(([, rows]) => rows > 0);
    if (wrong.length === 0) {
      console.log(`ok  ${engine.database}: ${events} events, and every view as a fold of them makes it`);
      return;
    }
    const told = wrong.map(([view, rows]) => `${rows} rows of ${view}`).join(', ');
    console.log(
      `NOT OK  ${engine.database}: not as a fold makes them: ${told}; \`spyglass rebuild\` folds them anew`,
    );
    process.exitCode = EXIT_FAILED;
  });

export const rebuildClickhouse = (where: Where): Promise<boolean> =>
  onClickhouse(where, async ({ engine }) => {
    const { rebuildViews } = await import('../clickhouse/views.js');
    await withProgress('rebuild', 'views', (onProgress) =>
      rebuildViews(engine, (done, total) => onProgress({ done, total })),
    );
    console.log(`ok  ${engine.database}: every view was folded anew`);
  });

export const sweepClickhouse = (
  where: Where,
  sweep: (store: Store) => Promise<SweepReport>,
  tell: (name: string, report: SweepReport) => void,
): Promise<boolean> => onClickhouse(where, async (store) => tell(store.engine.database, await sweep(store)));

/** Undefined where the configuration keeps events in a data folder. */
export async function eraseOnClickhouse(where: Where, erasure: Erasure): Promise<EraseReport | undefined> {
  let report: EraseReport | undefined;
  await onClickhouse(where, async (store) => {
    report = await store.erase(erasure);
  });
  return report;
}

/** Undefined where the configuration keeps events in a data folder. */
export async function wouldEraseOnClickhouse(
  where: Where,
  erasure: Erasure,
): Promise<WouldErase | undefined> {
  let found: WouldErase | undefined;
  await onClickhouse(where, async (store) => {
    found = await wouldErase(store, erasure);
  });
  return found;
}

export const exportClickhouse = (
  where: Where,
  after: number,
  write: (lines: AsyncIterable<string>) => Promise<void>,
): Promise<boolean> =>
  onClickhouse(where, async (store) => {
    const { exportLines } = await import('../clickhouse/transfer.js');
    await write(exportLines(store.engine, store, after));
  });
