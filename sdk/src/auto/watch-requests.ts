/** Catches requests made by `fetch` and `XMLHttpRequest`, from their start to their end. */
import { guard } from '../attempt.js';
import type { Part } from '../seam.js';
import type { Request as Ended } from './describe/requests.js';
import { patch } from './hooks.js';
import { type Late, moment } from './late.js';

export const watchFetch =
  (late: Late): Part =>
  (client) => {
    // A body can be read only once, and the app reads it, so it is copied before anything is known about it.
    const copy = <T extends { clone(): T }>(whole: T | undefined) =>
      client.options.networkBodies[0] ? whole?.clone() : undefined;
    patch(
      client,
      window,
      'fetch',
      (original) =>
        function (this: Window, input, init) {
          const start = moment(client);
          const asked: Partial<Request> = input instanceof Request ? input : {};
          let sent: unknown;
          guard(() => {
            sent = init?.body ?? copy(asked.clone && (asked as Request));
          })();
          const end = guard((response?: Response, error?: unknown) => {
            const ended: Ended = {
              start,
              endMs: performance.now(),
              method: init?.method ?? asked.method ?? 'GET',
              url: asked.url ?? (input as string | URL),
              status: response?.status ?? 0,
              error,
              bytes: Number(response?.headers.get('content-length')),
              sent,
              received: copy(response),
            };
            late((describer) => describer.request(ended));
          });
          return original.call(this, input, init).then(
            (response) => {
              end(response);
              return response;
            },
            // The app gets this promise, which rejects too: a handler on the native one would hide unhandled rejections.
            (error) => {
              end(undefined, error);
              throw error;
            },
          );
        },
    );
  };

export const watchXhr =
  (late: Late): Part =>
  (client) => {
    const opened = new WeakMap<XMLHttpRequest, Pick<Ended, 'method' | 'url'>>();
    const { prototype } = XMLHttpRequest;
    patch(
      client,
      prototype,
      'open',
      (original) =>
        // `open` is overloaded and depends on the number of its arguments.
        function (this: XMLHttpRequest, ...args: Parameters<typeof original>) {
          original.apply(this, args);
          opened.set(this, { method: args[0], url: args[1] });
        } as typeof original,
    );
    patch(
      client,
      prototype,
      'send',
      (original) =>
        function (this: XMLHttpRequest, sent) {
          const start = moment(client);
          const target = opened.get(this);
          let error: string | undefined;
          const end = ({ type, loaded }: ProgressEvent) => {
            if (type !== 'loadend') error = type;
            else if (target) {
              const ended: Ended = {
                ...target,
                start,
                endMs: performance.now(),
                status: this.status,
                error,
                bytes: loaded,
                sent,
                // Only if bodies are kept: reading it decodes the whole response.
                received: client.options.networkBodies[0] && this.response,
              };
              late((describer) => describer.request(ended));
            }
          };
          for (const type of ['error', 'timeout', 'abort', 'loadend'] as const) {
            this.addEventListener(type, end, { once: true });
          }
          original.call(this, sent);
        },
    );
  };
