/** Automatic capture, as far as it must not miss anything: what is recorded without the app asking for it. */
import { guard } from '../attempt.js';
import type { Part } from '../seam.js';
import { createLate } from './late.js';
import { startPageviews } from './pageviews.js';
import { watchErrors } from './watch-errors.js';
import { watchFetch, watchXhr } from './watch-requests.js';

/** Starts what is switched on; a part that fails, on a frozen `fetch` for example, does not stop the others. */
export const startAuto: Part = (client) => {
  const { pageviews, errors, network } = client.options;
  const start = (part: Part) => guard(part)(client);
  if (errors || network) {
    const late = createLate(client);
    if (errors) start(watchErrors(late));
    if (network) for (const watch of [watchFetch, watchXhr]) start(watch(late));
  }
  if (pageviews) start(startPageviews);
};
