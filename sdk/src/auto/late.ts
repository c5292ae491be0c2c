/**
 * What happens on a page at once, and what is made of it later: the hooks are in place from `init` on and weigh little;
 * what describes the things they catch as events is loaded meanwhile, and catches up.
 */
import { guard } from '../attempt.js';
import type { Client, Whose } from '../seam.js';
import type { Describer } from './describe/index.js';

/** Does `work` with the describer: now, or as soon as it is loaded. Never throws. */
export type Late = (work: (describer: Describer) => void) => void;

/** When, where and to whom something happened: Unix ms, ms of `performance.now()`, the page's URL and its base URL. */
export interface Moment extends Whose {
  ts: number;
  ms: number;
  url: string;
  base: string;
}

export function moment(client: Client): Moment {
  return {
    ts: Date.now(),
    ms: performance.now(),
    url: location.href,
    base: document.baseURI,
    session_id: client.session(false),
    user_id: client.options.user.id,
  };
}

/** How much waits at most for the describer. */
const WAITING_MAX = 200;

export function createLate(client: Client): Late {
  let describer: Describer | undefined;
  const waiting: Parameters<Late>[0][] = [];
  const late: Late = guard((work) => {
    if (describer) work(describer);
    else if (waiting.length < WAITING_MAX) waiting.push(work);
  });
  guard(async () => {
    describer = (await import('./describe/index.js')).start(client);
    waiting.forEach(late);
  })();
  return late;
}
