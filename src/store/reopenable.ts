/** A store that can be closed for work that needs the folder alone, and opened again. */
import type { Config } from '../config/config.js';
import { RETRY_AFTER_S } from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import type { Ingest } from '../ingest/types.js';
import { openHeads } from './heads.js';
import type { ExportPage, ExportPosition } from './offline/export.js';
import { type Store, StoreReopening } from './port.js';

export interface Opened {
  store: Store;
  ingest: Ingest;
  /** Changes the apps and limits for events from here on. */
  configure(settings: Pick<Config, 'apps' | 'limits'>): Promise<void>;
}

/** The embedded engine can do more. */
export interface OpenedFolder extends Opened {
  exportPage(position: ExportPosition): Promise<ExportPage>;
  /** Settles once the tables hold all that is durable now. */
  caughtUp(): Promise<void> | undefined;
}

export interface Reopenable extends Omit<OpenedFolder, 'caughtUp'> {
  /** Whether it is open, and reads need not wait for what an earlier run left in the WAL. */
  isReady(): boolean;
  /**
   * Runs `check` in its turn; unless that rejects, closes the store, runs `work`, and opens the store again, whatever
   * comes of the work.
   */
  whileClosed<T>(work: () => Promise<T>, check?: () => Promise<unknown>): Promise<T>;
  /** Runs `work` while the store is open, its file up to date. One work of both kinds at a time. */
  whileOpen<T>(work: () => Promise<T>): Promise<T>;
}

const CLOSED = 'the store is being rewritten';
const REOPENING: Refusal = { code: 'reopening', detail: CLOSED, retryAfterS: RETRY_AFTER_S };

/** Opens the store for the first time; throws what `open` throws. */
export async function openReopenable(open: () => Promise<OpenedFolder>): Promise<Reopenable> {
  let opened: OpenedFolder | undefined;
  let isCaughtUp = false;
  const turns = openTurns();
  let closing: Promise<unknown> = Promise.resolve();
  const calls = openCalls();
  const heads = openHeads();
  const { failed, fail } = openFailure();

  const openIt = async (): Promise<void> => {
    const now = await open();
    opened = now;
    const caughtUp = now.caughtUp();
    isCaughtUp = caughtUp === undefined;
    // By then it may have been closed and opened again.
    void caughtUp?.then(() => (isCaughtUp ||= opened === now)).catch(() => {});
    now.store.onCommit(heads.tell);
    void now.store.failed.then(fail);
  };
  await openIt();

  const ask: AskOpened = async (question) => {
    if (!opened) throw new StoreReopening(CLOSED);
    return calls.track(question(opened));
  };

  return {
    store: {
      ...methodsOn(ask),
      onCommit: heads.onCommit,
      reads: () => opened?.store.reads() ?? { waiting: 0, refused: 0, deaths: 0 },
      failed,
      close: () => turns.idle().then(() => opened?.store.close()),
    },
    ingest: (request) => (opened ? opened.ingest(request) : Promise.resolve(REOPENING)),
    async configure(settings) {
      // A store that is being opened again may have begun with the old settings.
      await closing.catch(() => {});
      await opened?.configure(settings);
    },
    exportPage: (position) => ask((opened) => opened.exportPage(position)),
    isReady: () => opened !== undefined && isCaughtUp,
    whileClosed(work, check) {
      const done = turns.take(async () => {
        await check?.();
        const before = opened;
        opened = undefined;
        await calls.idle();
        await before?.store.close();
        try {
          return await work();
        } finally {
          await openIt().catch((error: Error) => {
            fail(error);
            throw error;
          });
        }
      });
      closing = done;
      return done;
    },
    whileOpen: (work) =>
      turns.take(async () => {
        if (!opened) throw new StoreReopening(CLOSED);
        await opened.caughtUp();
        return work();
      }),
  };
}

type AskOpened = <T>(question: (opened: OpenedFolder) => Promise<T>) => Promise<T>;

const methodsOn = (ask: AskOpened): Omit<Store, 'onCommit' | 'reads' | 'failed' | 'close'> => ({
  ask: (kind, asked) => ask(({ store }) => store.ask(kind, asked)),
  answer: (...args) => ask(({ store }) => store.answer(...args)),
  tail: (...args) => ask(({ store }) => store.tail(...args)),
  sessionApps: (...args) => ask(({ store }) => store.sessionApps(...args)),
  putChunk: (...args) => ask(({ store }) => store.putChunk(...args)),
  chunk: (...args) => ask(({ store }) => store.chunk(...args)),
  sweep: (...args) => ask(({ store }) => store.sweep(...args)),
  timeEvidence: (...args) => ask(({ store }) => store.timeEvidence(...args)),
  noteTime: (...args) => ask(({ store }) => store.noteTime(...args)),
  stats: () => ask(({ store }) => store.stats()),
});

/** `failed` settles with the first reason that `fail` is given. */
function openFailure() {
  let fail: (reason: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  return { failed, fail };
}

/** Work one at a time, in the order of the calls; a failure does not keep the next from its turn. */
function openTurns() {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take<T>(work: () => Promise<T>): Promise<T> {
      const done = last.catch(() => {}).then(work);
      last = done;
      return done;
    },
    idle: () => last.catch(() => {}),
  };
}

/** Calls under way, which a close waits for. */
function openCalls() {
  const underWay = new Set<Promise<unknown>>();
  return {
    async track<T>(answer: Promise<T>): Promise<T> {
      underWay.add(answer);
      try {
        return await answer;
      } finally {
        underWay.delete(answer);
      }
    },
    idle: () => Promise.allSettled(underWay),
  };
}
