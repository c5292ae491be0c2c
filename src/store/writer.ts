/**
 * The one writer: commits, folds and sweeps of the embedded engine, each in synchronous transactions.
 * Everything is encoded and folded in memory before the first write, so only an error of the disk can fail a
 * transaction.
 */
import type { Log } from '../log/batches/log.js';
import type { Env } from '../log/file/env.js';
import { planApply } from '../log/wal/apply.js';
import { baseOn } from '../log/wal/pending.js';
import { type BrokenView, type FoldingProgress, openViews } from '../projections/engine/lifecycle.js';
import { PROJECTIONS } from '../projections/registry.js';
import { type Committing, openCommitting, openFailStop } from './committing.js';
import { sweepEvents } from './retention.js';

/** Folded in one transaction into views that do not serve yet, between commits. */
const FOLD_BATCHES = 512;

export interface Writer extends Committing {
  /**
   * Applies commit groups, which follow the log and each other, in one durable transaction; returns how many parts
   * that were. A single group of more than `partsMax` parts is applied in part: the caller gives it again.
   */
  apply(groups: readonly Buffer[], partsMax?: number): number;
  /** Runs `write` in a durable transaction of its own. */
  transact(write: () => void): void;
  /** Folds some more of the log into views that do not serve yet; undefined when there is none. */
  foldViews(): FoldingProgress | undefined;
  /** See `retention.ts`. */
  sweepEvents(before: number, now: number, fenceMax: number): Promise<number>;
}

export interface WriterOptions {
  /** Called once, with the first error of a transaction. */
  onFailure: (error: Error) => void;
  /** Called for each view that cannot be folded any more. */
  onBroken: (broken: BrokenView) => void;
}

export function openWriter(env: Env, log: Log, { onFailure, onBroken }: WriterOptions): Writer {
  const failStop = openFailStop(onFailure);
  const transact = (write: () => void): void => failStop.write(() => env.transaction(write));
  const views = openViews(env, log, { projections: PROJECTIONS, transact, onBroken });
  const foldViews = () => views.step(FOLD_BATCHES);
  const apply = (groups: readonly Buffer[], partsMax?: number): number => {
    const application = planApply(log, groups, partsMax);
    const folded = views.fold(application.batches(), application.nextOffset);
    transact(() => {
      application.write();
      folded.write();
    });
    return application.parts;
  };

  return {
    ...openCommitting({ base: baseOn(log), failStop, makeDurable: ({ bytes }) => void apply([bytes]) }),
    apply,
    transact,
    foldViews,
    sweepEvents: (...args) => sweepEvents({ log, views, transact, foldViews }, ...args),
  };
}
