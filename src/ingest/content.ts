/** What the two readers of a body agree on: its envelope, and the content that is looked at once the envelope is let in. */
import type { EventColumns } from '../domain/event-columns.js';
import type { Refusal } from '../domain/problems.js';

/** How many errors an answer lists: enough to find the mistake, not enough to make a large answer of a large body. */
export const ERRORS_MAX = 100;

export interface FieldError {
  /** Such as `events[3].user_id`. */
  path: string;
  message: string;
}

/** Valid events whose clocks are not settled yet: `ts` is the client's, 0 where it gave none. */
export interface Content {
  columns: EventColumns;
  batchId?: string;
  sentAt?: number;
}

export interface Envelope {
  app: string;
  key: string;
  /** The length of `events`, valid or not. */
  eventCount: number;
  /** The content, or why it is turned away. */
  content(): ContentOutcome;
}

export type EnvelopeOutcome =
  | { envelope: Envelope; refusal?: never }
  | { refusal: Refusal; envelope?: never };

export type ContentOutcome = { content: Content; refusal?: never } | { refusal: Refusal; content?: never };
