/** Catches uncaught errors, unhandled rejections and calls of `console.error`. */
import type { Part } from '../seam.js';
import { listen, patch } from './hooks.js';
import { type Late, moment } from './late.js';

/** `note` takes an error that a React boundary caught; it is absent while errors are not captured. */
export const boundary: { note?: (error: unknown, componentStack: string) => void } = {};

export const watchErrors =
  (late: Late): Part =>
  (client) => {
    listen(client, window, 'error', ({ error, message, filename, lineno, colno }: ErrorEvent) => {
      const now = moment(client);
      // Images and scripts that fail to load come here too, without a message.
      if (message) late(({ note }) => note(now, 'error', error ?? message, [filename, lineno, colno]));
    });
    listen(client, window, 'unhandledrejection', ({ reason }: PromiseRejectionEvent) => {
      const now = moment(client);
      late(({ note }) => note(now, 'unhandledrejection', reason));
    });
    boundary.note = (error, componentStack) => {
      const now = moment(client);
      late(({ note }) => note(now, 'react', error, undefined, componentStack));
    };
    client.onStop(() => {
      delete boundary.note;
    });
    if (!client.options.consoleErrors) return;
    patch(
      client,
      console,
      'error',
      (original) =>
        function (this: Console, ...values) {
          original.apply(this, values);
          const now = moment(client);
          late(({ noteLine }) => noteLine(now, values));
        },
    );
  };
