/** What the client offers its parts: automatic capture, replay and the report button. */
import type { Options } from './options.js';

export type EventType = 'event' | 'pageview' | 'error' | 'network' | 'bug_report';

/** An event as a part hands it over; session and user are put to it at once. */
export interface Draft {
  type: EventType;
  /** The page's when absent. */
  name?: string | undefined;
  /** The page's when absent; scrubbed and shortened to path, search and hash either way. */
  url?: string | undefined;
  props?: Record<string, unknown> | undefined;
  /** Unix ms, whole; now when absent. */
  ts?: number;
}

export interface Client {
  readonly options: Options;
  /** Queues an event under the current session and user. Never throws. */
  record(draft: Draft): void;
  /** Queues and sends at once; true once the collector has it, false when it was refused or is kept for later. */
  deliver(draft: Draft): Promise<boolean>;
  /** The session's id now. Counts as activity, which ends an idle session and begins the next, unless `active` is false. */
  session(active?: boolean): string;
  /** Called with the new id whenever a session begins, the first apart. */
  onSession(listener: (id: string) => void): void;
  /** Wraps a function so that an error in it never reaches the app. */
  guard<A extends unknown[]>(work: (...args: A) => unknown): (...args: A) => void;
  /** The native fetch, as it was before anything was patched. */
  readonly fetch: typeof fetch;
  /** A URL as the option `scrubUrl` leaves it; empty should that throw. */
  scrub(url: string): string;
  /** Runs when the client stops. */
  onStop(undo: () => void): void;
  /**
   * Runs when what a part holds back must be handed over: the page is hidden or left, `flush()`, `stop()`, and before
   * `setUser` changes who is there (errors are held 5 s to be counted, and belong to who was there).
   */
  onLeave(work: () => void): void;
  /** The pause in ms before try n (0-based), shared by events and replay; never less than the collector asked for. */
  pause(attempt: number, retryAfterMs?: number): number;
  /** True while events wait because the uplink is slow or down: replay gives way. */
  congested(): boolean;
}

/** A part is started with the client; it undoes itself through `onStop`. */
export type Part = (client: Client) => void;
