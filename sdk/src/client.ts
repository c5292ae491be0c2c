/** The client: what an app calls, and the seam its parts stand on. */
import { startAuto } from './auto/index.js';
import type { InitOptions, User } from './options.js';
import type { Client } from './seam.js';

export interface ReportOptions {
  severity?: 'low' | 'medium' | 'high';
}

export interface Spyglass {
  /** Starts capturing. Throws a `TypeError` when `endpoint`, `app`, `key` or `user.id` is missing; does nothing the second time, or without a `window`. */
  init(options: InitOptions): void;
  /** Takes an event of your own. */
  capture(name: string, props?: Record<string, unknown>): void;
  /** Takes a pageview, of the current path unless another is given. */
  pageview(path?: string): void;
  /** Who is there from now on. Another `id` begins a new session. */
  setUser(user: User): void;
  /** Sends a bug report; true once the collector has it, false when it is kept for later or was refused. */
  report(comment: string, options?: ReportOptions): Promise<boolean>;
  /** Sends what is queued; settles when that has been tried. */
  flush(): Promise<void>;
  /** Ends capturing and undoes what was patched. What is queued is sent as the page is left, or by the next. */
  stop(): void;
}

export function createSpyglass(): Spyglass {
  const start = (client: Client) => {
    startAuto(client);
    if (client.options.replay) import('./replay/index.js').then((part) => part.startReplay(client));
    if (client.options.reportButton)
      import('./report/index.js').then((part) => part.startReportButton(client));
  };
  return {
    init: () => start,
    capture: () => {},
    pageview: () => {},
    setUser: () => {},
    report: async () => false,
    flush: async () => {},
    stop: () => {},
  };
}
