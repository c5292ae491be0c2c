/** How a running collector carries out the operator's commands. */
import { relative } from 'node:path';
import type { Logger } from 'pino';
import type { Asker, CommandRuns } from '../api/commands/answer-commands.js';
import type { Config } from '../config/config.js';
import { ProblemError } from '../domain/problems.js';
import type { TimeEvidence } from '../domain/time-evidence.js';
import { assertKnown, wouldErase } from '../questions/before-erasure.js';
import { pendingErasures, removeForGood } from '../store/offline/erasures.js';
import { exportPages } from '../store/offline/export.js';
import { runJob } from '../store/offline/run-job.js';
import { makeWorkFolder } from '../store/offline/work-folder.js';
import type { DiskWatch } from '../store/port.js';
import type { Reopenable } from '../store/reopenable.js';
import { cutoffsBy } from './sweeping.js';
import { mib } from './units.js';

export function carryOut(
  config: Config,
  engine: Reopenable,
  disk: DiskWatch,
  clock: TimeEvidence,
  log: Pick<Logger, 'warn'>,
): CommandRuns {
  const { dataDir } = config;
  const { store, whileClosed } = engine;

  /** The disk must have room for `times` the store's size. */
  const copy = async (times: number, { onProgress, gone }: Asker): Promise<{ folder: string }> => {
    const needed = times * (await store.stats()).file_bytes;
    if (disk.freeBytes() - needed < config.disk.events_free_bytes)
      throw new ProblemError(
        'disk_full',
        `a copy of the store takes up to ${mib(needed)} in ${dataDir}, which has ${mib(disk.freeBytes())} free`,
      );
    const folder = makeWorkFolder(dataDir);
    const remove = () => removeForGood(folder);
    try {
      await engine.whileOpen(() => runJob('copy', dataDir, onProgress, folder));
    } catch (error) {
      remove();
      throw error;
    }
    // Later starts remove what is left.
    void gone.then(remove).catch((error) => log.warn({ err: error, folder }, 'a copy could not be removed'));
    return { folder: relative(dataDir, folder) };
  };

  return {
    // Its views are folded beside the copy.
    verify: (_, asker) => copy(2, asker),
    backup: (_, asker) => copy(1, asker),
    async export({ after }, { onProgress, onText }) {
      for await (const page of exportPages(engine.exportPage, after, onProgress)) await onText(page);
      return {};
    },
    async sweep({ trust_clock, ...retention }) {
      if (trust_clock) clock.trust();
      return store.sweep(cutoffsBy(clock, retention));
    },
    erase_preview: (erasure) => engine.whileOpen(() => wouldErase(store, erasure, pendingErasures(dataDir))),
    erase: ({ user, app }, { onProgress }) => {
      const erasure = app === undefined ? { user } : { user, app };
      return whileClosed(
        () => runJob('erase', dataDir, onProgress, erasure),
        () => assertKnown(store, erasure, pendingErasures(dataDir)),
      );
    },
    compact: (_, { onProgress }) => whileClosed(() => runJob('compact', dataDir, onProgress)),
    rebuild: async (_, { onProgress }) => ({
      head: await whileClosed(() => runJob('rebuild', dataDir, onProgress)),
    }),
  };
}
