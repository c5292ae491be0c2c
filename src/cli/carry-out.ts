/** What a running collector does for the operator's commands. */
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { CommandDeps } from '../api/commands/answer-commands.js';
import type { Answer } from '../api/commands/commands.js';
import type { Logger } from '../api/context.js';
import type { Config } from '../config/config.js';
import { ProblemError } from '../domain/problems.js';
import { exportPages } from '../store/offline/export.js';
import type { Maintenance } from '../store/offline/maintenance.js';
import type { DiskWatch, Progress } from '../store/port.js';
import type { Reopenable } from '../store/reopenable.js';
import { cutoffsAt } from './sweeping.js';
import { mib } from './units.js';

export interface CarryOutOptions {
  config: Config;
  log: Logger;
  reopenable: Reopenable;
  maintenance: Maintenance;
  disk: DiskWatch;
}

export function carryOut(options: CarryOutOptions): CommandDeps {
  const { config, log, reopenable, maintenance, disk } = options;
  const { dataDir } = config;
  const { store } = reopenable;

  /** `times` says how many times the store's size the disk must have room for. */
  const copy = async (times: number, onProgress: (progress: Progress) => void): Promise<Answer<'verify'>> => {
    const needed = times * (await store.stats()).file_bytes;
    if (disk.freeBytes() - needed < config.disk.events_free_bytes)
      throw new ProblemError(
        'disk_full',
        `a copy of the store takes up to ${mib(needed)} in ${dataDir}, which has ${mib(disk.freeBytes())} free`,
      );
    return { folder: relative(dataDir, await maintenance.copy(onProgress)) };
  };

  return {
    log,
    run: {
      // The views are folded beside the copy.
      verify: (_, onProgress) => copy(2, onProgress),
      backup: (_, onProgress) => copy(1, onProgress),
      sweep: (retention) => store.sweep(cutoffsAt({ ...config.retention, ...retention }, Date.now())),
      erase: ({ user, app }, onProgress) =>
        maintenance.erase(app === undefined ? { user } : { user, app }, onProgress),
      compact: (_, onProgress) => maintenance.compact(onProgress),
      rebuild: async (_, onProgress) => ({ head: await maintenance.rebuild(onProgress) }),
    },
    exportPages: (after) => exportPages(reopenable.exportPage, after, () => {}),
    removeCopy: (folder) => rmSync(join(dataDir, folder), { recursive: true, force: true }),
  };
}
