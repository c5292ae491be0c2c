/** The client: what an app calls, and the seam its parts stand on. */
import { type InitOptions, resolve, type User } from './options.js';
import { type Running, start } from './running.js';

export interface ReportOptions {
  severity?: 'low' | 'medium' | 'high';
}

export interface Spyglass {
  /**
   * Starts capturing. Throws a `TypeError` when `endpoint`, `app`, `key` or `user.id` is missing. Does nothing where
   * there is no `window`, or once it is started.
   */
  init(options: InitOptions): void;
  /** Takes an event of your own. */
  capture(name: string, props?: Record<string, unknown>): void;
  /** Takes a pageview, of the current page unless a path is given. */
  pageview(path?: string): void;
  /** Who is there from now on. Another `id` begins a new session. */
  setUser(user: User): void;
  /** Sends a bug report; true once the collector has it, false when it is kept for later or was refused. */
  report(comment: string, options?: ReportOptions): Promise<boolean>;
  /** Sends what is queued; settles when that has been tried. */
  flush(): Promise<void>;
  /** Ends capturing and undoes what was patched. What could not be sent the next page sends. */
  stop(): void;
}

/** One of the names a bug report's comment gives it: its beginning. */
const REPORT_NAME_MAX = 80;

export function createSpyglass(): Spyglass {
  let running: Running | undefined;
  return {
    init(options) {
      // One without `fetch` is made up by an app's own tests.
      const page: Partial<Window & typeof globalThis> | undefined = globalThis.window;
      if (page?.fetch) running ??= start(resolve(options));
    },
    capture: (name, props) => running?.record({ type: 'event', name, props }),
    pageview: (path) => running?.record({ type: 'pageview', name: path, url: path }),
    setUser: (user) => running?.setUser(user),
    report: async (comment, options) =>
      running?.deliver({
        type: 'bug_report',
        name: `${comment}`.slice(0, REPORT_NAME_MAX),
        props: { comment, severity: options?.severity ?? 'medium' },
      }) ?? false,
    flush: async () => running?.flush(),
    stop() {
      running?.stop();
      running = undefined;
    },
  };
}
