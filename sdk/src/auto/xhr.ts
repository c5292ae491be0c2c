/** Requests made by `XMLHttpRequest`. */
import type { Part } from '../seam.js';
import { patch } from './hooks.js';
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
        const [method, url] = opened.get(this) ?? [];
        const finish = method && url && begin(client, method, url, body);
        let error: string | undefined;
        const end = ({ type, loaded }: ProgressEvent) => {
          if (type !== 'loadend') error = type;
          else if (finish) {
            finish(() => ({
              status: this.status,
              bytes: loaded || undefined,
              error,
              body: () => this.response,
            }));
          }
        };
        if (finish) {
          for (const type of ['error', 'timeout', 'abort', 'loadend'] as const) {
            this.addEventListener(type, end, { once: true });
          }
        }
        original.call(this, body);
      },
  );
};
