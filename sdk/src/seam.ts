/** The interface between the client and its parts: automatic capture, replay and the report button. */
import type { Options } from './options.js';

export type EventType = 'event' | 'pageview' | 'error' | 'network' | 'bug_report';

/** Whose an event is: what ends late belongs to the session in which it began. */
export interface Whose {
  session_id?: string;
  user_id?: string;
}

/** An event as a part records it; session and user are added at once, those of now where it names none. */
export interface Draft extends Whose {
  type: EventType;
  /** The page's name when absent. */
  name?: string | undefined;
  /** The page's URL when absent; always scrubbed and shortened to path, search and hash. */
  url?: string | undefined;
  props?: Record<string, unknown> | undefined;
  /** Whole Unix ms; now when absent. */
  ts?: number;
}

export interface Client {
  readonly options: Options;
  /** Queues an event under the current session and user. Never throws. */
  record(draft: Draft): void;
  /** Queues and sends at once; true once the collector has it, false if it was refused or is queued for later. */
  deliver(draft: Draft): Promise<boolean>;
  /** The session's id. Counts as activity, which replaces an idle session by a new one, unless `active` is false. */
  session(active?: boolean): string;
  /** Calls `listener` with the id of each new session except the first. */
  onSession(listener: (id: string) => void): void;
  /** Wraps a function so that an error in it never reaches the app. */
  guard<A extends unknown[]>(work: (...args: A) => unknown): (...args: A) => void;
  /** The native fetch, unpatched. */
  readonly fetch: typeof fetch;
  /** A URL scrubbed by the option `scrubUrl`; empty if that throws. */
  scrub(url: string): string;
  /** Runs when the client stops. */
  onStop(undo: () => void): void;
  /**
   * Runs when a part must record what it holds back: when the page is hidden or left, at `flush()` and `stop()`, and before `setUser`
   * changes the user (errors are held for 5 s, and belong to the user before).
   */
  onLeave(work: () => void): void;
  /** The pause before a try (0-based), ms, for events and replay; never less than the collector asked for. */
  pause(attempt: number, retryAfterMs?: number): number;
  /** True while events wait because the uplink is slow or down; replay then waits. */
  congested(): boolean;
}

/** Starts a part with the client; the part undoes its work in `onStop`. */
export type Part = (client: Client) => void;
