/** Requests made by `XMLHttpRequest`. */
import type { Part } from '../seam.js';
import { attempt, patch } from './hooks.js';
import { begin } from './request.js';

export const startXhr: Part = (client) => {
  const opened = new WeakMap<XMLHttpRequest, [method: string, url: string | URL]>();
  const { prototype } = XMLHttpRequest;
  patch(
    client,
    prototype,
    'open',
    (original) =>
      // `open` is overloaded, and counts its arguments: they are handed on as they came.
      function (this: XMLHttpRequest, ...args: Parameters<typeof original>) {
        original.apply(this, args);
        opened.set(this, [args[0], args[1]]);
      } as typeof original,
  );
  patch(
    client,
    prototype,
    'send',
    (original) =>
      function (this: XMLHttpRequest, body) {
        attempt(() => {
          const [method, url] = opened.get(this) ?? ['', ''];
          const finish = method && begin(client, method, url, () => body);
          if (!finish) return;
          let error: string | undefined;
          for (const failure of ['error', 'timeout', 'abort']) {
            this.addEventListener(
              failure,
              () => {
                error = failure;
              },
              { once: true },
            );
          }
          this.addEventListener(
            'loadend',
            ({ loaded }) =>
              finish(() => ({
                status: this.status,
                bytes: loaded || undefined,
                error,
                body: () => this.response,
              })),
            { once: true },
          );
        });
        return original.call(this, body);
      },
  );
};
