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
  isOpen(): boolean;
  /** Closes the store, runs `work`, and opens it again, whatever comes of the work. */
  whileClosed<T>(work: () => Promise<T>): Promise<T>;
  /** Runs `work` while the store is open, its file up to date. One work of both kinds at a time. */
  whileOpen<T>(work: () => Promise<T>): Promise<T>;
}

const CLOSED = 'the store is being rewritten';
const REOPENING: Refusal = { code: 'reopening', detail: CLOSED, retryAfterS: RETRY_AFTER_S };

/** Opens the store for the first time; throws what `open` throws. */
export async function openReopenable(open: () => Promise<OpenedFolder>): Promise<Reopenable> {
  let opened: OpenedFolder | undefined = await open();
  let turn: Promise<unknown> = Promise.resolve();
  let closing: Promise<unknown> = turn;
  /** Calls that a close waits for. */
  const underWay = new Set<Promise<unknown>>();
  const heads = openHeads();
  let fail: (reason: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });

  const attach = ({ store }: Opened): void => {
    store.onCommit(heads.tell);
    void store.failed.then(fail);
  };
  attach(opened);

  const ask = async <T>(question: (opened: OpenedFolder) => Promise<T>): Promise<T> => {
    if (!opened) throw new StoreReopening(CLOSED);
    const answer = question(opened);
    underWay.add(answer);
    try {
      return await answer;
    } finally {
      underWay.delete(answer);
    }
  };

  const reopen = async (): Promise<void> => {
    try {
      opened = await open();
      attach(opened);
    } catch (error) {
      fail(error as Error);
      throw error;
    }
  };

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.catch(() => {}).then(work);
    turn = done;
    return done;
  };

  return {
    store: {
      ask: (kind, asked) => ask(({ store }) => store.ask(kind, asked)),
      tail: (...args) => ask(({ store }) => store.tail(...args)),
      sessionApps: (...args) => ask(({ store }) => store.sessionApps(...args)),
      putChunk: (...args) => ask(({ store }) => store.putChunk(...args)),
      chunk: (...args) => ask(({ store }) => store.chunk(...args)),
      sweep: (...args) => ask(({ store }) => store.sweep(...args)),
      stats: () => ask(({ store }) => store.stats()),
      onCommit: heads.onCommit,
      failed,
      async close() {
        await turn.catch(() => {});
        await opened?.store.close();
      },
    },
    ingest: (request) => (opened ? opened.ingest(request) : Promise.resolve(REOPENING)),
    async configure(settings) {
      // A store that is being opened again may have begun with the old settings.
      await closing.catch(() => {});
      await opened?.configure(settings);
    },
    exportPage: (position) => ask((opened) => opened.exportPage(position)),
    isOpen: () => opened !== undefined,
    whileClosed(work) {
      const done = inTurn(async () => {
        const before = opened;
        opened = undefined;
        await Promise.allSettled(underWay);
        await before?.store.close();
        try {
          return await work();
        } finally {
          await reopen();
        }
      });
      closing = done;
      return done;
    },
    whileOpen: (work) =>
      inTurn(async () => {
        if (!opened) throw new StoreReopening(CLOSED);
        await opened.caughtUp();
        return work();
      }),
  };
}
