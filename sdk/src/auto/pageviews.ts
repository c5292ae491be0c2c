/** Pageviews: the first load, each change of the path or the hash, and each return out of the back-forward cache. */
import { guard } from '../attempt.js';
import type { Client, Part } from '../seam.js';
import { listen, patch } from './hooks.js';

export const startPageviews: Part = (client) => {
  let page: string | undefined;
  let { referrer } = document;
  const look = guard((title?: string) => {
    // A changed query is no other page: lists keep filters and sort orders there.
    const now = location.pathname + location.hash;
    if (now === page) return;
    page = now;
    client.record({
      type: 'pageview',
      props: { referrer: client.scrub(referrer) || undefined, title },
    });
    referrer = location.href;
  });
  for (const name of ['pushState', 'replaceState'] as const) {
    patch(
      client,
      history,
      name,
      (original) =>
        function (this: History, ...args) {
          original.apply(this, args);
          look();
        },
    );
  }
  listen(client, window, 'popstate', () => look());
  listen(client, window, 'hashchange', () => look());
  listen(client, window, 'pageshow', (event: PageTransitionEvent) => {
    if (!event.persisted) return;
    page = undefined;
    look(document.title);
  });
  // Only now is the title the page's own: after a change of the path the app sets it later.
  look(document.title || undefined);
};

/** The page's name: its path, and its hash if that is a path (`#/orders`). */
export function pageName(client: Client): string {
  // A scrubber that fails leaves an empty URL, which must not resolve to the page's URL.
  const { pathname, hash } = new URL(client.scrub(location.href), 'http://x');
  return pathname + (/^#!?\//.test(hash) ? hash.replace(/\?.*/, '') : '');
}
