/** The functions that an app calls. */
import { type InitOptions, resolve, type User } from './options.js';
import { type Running, start } from './running.js';

export interface ReportOptions {
  severity?: 'low' | 'medium' | 'high';
}

export interface Spyglass {
  /**
   * Starts capturing. Throws a `TypeError` when `endpoint`, `app`, `key` or `user.id` is missing. Does nothing without a `window`, or
   * when it is started already.
   */
  init(options: InitOptions): void;
  /** Captures an event. */
  capture(name: string, props?: Record<string, unknown>): void;
  /** Captures a pageview of `path`, or of the current page. */
  pageview(path?: string): void;
  /** Sets the user from now on. Another `id` begins a new session. */
  setUser(user: User): void;
  /** Sends a bug report; true once the collector has it, false if it is queued for later or was refused. */
  report(comment: string, options?: ReportOptions): Promise<boolean>;
  /** Sends what is queued; resolves after the attempt. */
  flush(): Promise<void>;
  /** Stops capturing and undoes all patches. The next page sends what is left in the queue. */
  stop(): void;
}

/** A bug report's name is the beginning of its comment. */
const REPORT_NAME_MAX = 80;

export function createSpyglass(): Spyglass {
  let running: Running | undefined;
  return {
    init(options) {
      // A window without `fetch` comes from an app's own tests.
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
