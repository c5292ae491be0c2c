/** Automatic capture: everything that is recorded without the app asking for it. */
import type { Part } from '../seam.js';
import { startErrors } from './errors.js';
import { startFetch } from './fetch.js';
import { startPageviews } from './pageviews.js';
import { startXhr } from './xhr.js';

/** Starts what is switched on; a part that this page is hostile to (a frozen `fetch`) keeps no other from starting. */
export const startAuto: Part = (client) => {
  const { pageviews, errors, network, webVitals, autocapture } = client.options;
  const start = (part: Part, on: boolean) => on && client.guard(part)(client);
  start(startErrors, errors);
  start(startPageviews, pageviews);
  start(startFetch, network);
  start(startXhr, network);
  if (webVitals)
    import('./vitals.js').then(
      (part) => start(part.startVitals, true),
      () => {},
    );
  if (autocapture)
    import('./clicks.js').then(
      (part) => start(part.startClicks, true),
      () => {},
    );
};
