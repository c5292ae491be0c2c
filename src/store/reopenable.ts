/**
 * A store that can be closed for a while and opened again under those who hold it: for work that needs the folder alone.
 * Meanwhile whoever asks is told to come again.
 */
import type { Config } from '../config/config.js';
import { RETRY_AFTER_S } from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';
import type { Ingest } from '../ingest/types.js';
import { type Store, StoreReopening } from './port.js';

export interface Opened {
  store: Store;
  ingest: Ingest;
  /** Takes events in by other apps and limits from here on. */
  configure(settings: Pick<Config, 'apps' | 'limits'>): Promise<void>;
}

export interface Reopenable extends Opened {
  isOpen(): boolean;
  /** Closes the store, runs `work`, and opens it again, whatever comes of the work. One at a time. */
  whileClosed<T>(work: () => Promise<T>): Promise<T>;
}

const CLOSED = 'the store is being rewritten';
const REOPENING: Refusal = {
  code: 'reopening',
  detail: CLOSED,
  retryAfterS: RETRY_AFTER_S,
};

/** Opens the store for the first time; throws what `open` throws. */
export async function openReopenable(open: () => Promise<Opened>): Promise<Reopenable> {
  let opened: Opened | undefined = await open();
  let turn: Promise<unknown> = Promise.resolve();
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

  /** Passes a call on to the store, unless it is closed. */
  const whileOpen =
    <A extends unknown[], R>(call: (store: Store, ...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (!opened) throw new StoreReopening(CLOSED);
      const answer = call(opened.store, ...args);
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

  return {
    store: {
      ask: (kind, ask) => whileOpen((store) => store.ask(kind, ask))(),
      tail: whileOpen((store, ...args) => store.tail(...args)),
      sessionApps: whileOpen((store, ...args) => store.sessionApps(...args)),
      putChunk: whileOpen((store, ...args) => store.putChunk(...args)),
      chunk: whileOpen((store, ...args) => store.chunk(...args)),
      sweep: whileOpen((store, ...args) => store.sweep(...args)),
      stats: whileOpen((store) => store.stats()),
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
      await turn.catch(() => {});
      await opened?.configure(settings);
    },
    isOpen: () => opened !== undefined,
    whileClosed(work) {
      const run = async () => {
        const closing = opened;
        opened = undefined;
        await Promise.allSettled(underWay);
        await closing?.store.close();
        try {
          return await work();
        } finally {
          await reopen();
        }
      };
      const done = turn.catch(() => {}).then(run);
      turn = done;
      return done;
    },
  };
}
