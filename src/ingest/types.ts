/** What ingest takes and gives, and what the two readers of a body give. */
import type { ColumnRequest, EventColumns } from '../domain/event-columns.js';
import type { Refusal } from '../domain/problems.js';

/** A `POST /v1/events` as it came from the socket. */
export interface IngestRequest {
  body: Uint8Array;
  /** `Content-Encoding` in lower case. */
  encoding?: string;
  /** The `Origin` header. */
  origin?: string;
  /** Unix ms. */
  receivedAt: number;
}

export type IngestOutcome = { batch: ColumnRequest; refusal?: never } | { refusal: Refusal; batch?: never };

/** Stores a request durably: `undefined` is a 204. */
export type Ingest = (request: IngestRequest) => Promise<Refusal | undefined>;

export interface Envelope {
  app: string;
  key: string;
  /** The length of `events`, valid or not. */
  eventCount: number;
  /** Gives the events, or the reason why they are refused. */
  content(): ContentOutcome;
}

/** Valid events whose clocks are not corrected: `ts` is the client's, 0 where it gave none. */
export interface Content {
  columns: EventColumns;
  batchId: string | undefined;
  sentAt: number | undefined;
}

export type EnvelopeOutcome =
  | { envelope: Envelope; refusal?: never }
  | { refusal: Refusal; envelope?: never };

export type ContentOutcome = { content: Content; refusal?: never } | { refusal: Refusal; content?: never };
