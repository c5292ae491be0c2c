/**
 * A store that can be closed for a while and opened again under those who hold it: for work that needs the folder alone.
 * Meanwhile whoever asks is told to come again.
 */
import type { Config } from '../config/config.js';
import { RETRY_AFTER_S } from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import type { Ingest } from '../ingest/types.js';
import type { ExportPage, ExportPosition } from './offline/export.js';
import { type Store, StoreReopening } from './port.js';

export interface Opened {
  store: Store;
  ingest: Ingest;
  /** Takes events in by other apps and limits from here on. */
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
  /** Runs `work` on the store's file as it is open, all in it that was acknowledged before. One at a time, of both. */
  whileOpen<T>(work: () => Promise<T>): Promise<T>;
}

const CLOSED = 'the store is being rewritten';
const REOPENING: Refusal = {
  code: 'reopening',
  detail: CLOSED,
  retryAfterS: RETRY_AFTER_S,
};

/** Opens the store for the first time; throws what `open` throws. */
export async function openReopenable(open: () => Promise<OpenedFolder>): Promise<Reopenable> {
  let opened: OpenedFolder | undefined = await open();
  let turn: Promise<unknown> = Promise.resolve();
  let closing: Promise<unknown> = turn;
  /** A store must not be asked once it is closing: all that was asked is waited for. */
  const underWay = new Set<Promise<unknown>>();
  const listeners = new Set<(head: number) => void>();
  let fail: (reason: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });

  const attach = ({ store }: Opened): void => {
    store.onCommit((head) => {
      for (const listener of listeners) listener(head);
    });
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
      onCommit(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      failed,
      async close() {
        await turn.catch(() => {});
        await opened?.store.close();
      },
    },
    ingest: (request) => (opened ? opened.ingest(request) : Promise.resolve(REOPENING)),
    async configure(settings) {
      // A store that is being opened again may have begun with the settings of before.
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
