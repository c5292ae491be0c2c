/** Requests made by `fetch`. */
import type { Part } from '../seam.js';
import { patch } from './hooks.js';
import { begin } from './request.js';

export const startFetch: Part = (client) => {
  patch(
    client,
    window,
    'fetch',
    (original) =>
      function (this: Window, input, init) {
        const request = input instanceof Request ? input : undefined;
        const finish = begin(
          client,
          init?.method ?? request?.method ?? 'GET',
          request?.url ?? (input as string | URL),
          init?.body ?? request,
        );
        const answer = original.call(this, input, init);
        if (finish === undefined) return answer;
        // The app gets a promise of ours: with a handler of ours on the native one, no failure would go unhandled.
        return answer.then(
          (response) => {
            finish(() => ({
              status: response.status,
              bytes: Number(response.headers.get('content-length')) || undefined,
              body: () => response.clone(),
            }));
            return response;
          },
          (error) => {
            finish(() => ({ status: 0, error: String(error) }));
            throw error;
          },
        );
      },
  );
};
