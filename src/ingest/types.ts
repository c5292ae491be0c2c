/** What ingest takes and gives, and what the two readers of a body give. */
import type { ColumnRequest, EventColumns } from '../domain/event-columns.js';
import type { Refusal } from '../domain/problems.js';
import type { Credentials } from './credentials.js';

/** What the queue needs of a socket. */
export interface Connection {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/** A `POST /v1/events` as it came from the socket. */
export interface IngestRequest {
  body: Uint8Array;
  /** `Content-Encoding` in lower case. */
  encoding?: string;
  /** The `Origin` header. */
  origin?: string;
  /** Unix ms. */
  receivedAt: number;
  /** The client's address, as far as it counts as one client. */
  address?: string;
  /** Once it has closed, the request is dropped if it still waits. */
  connection?: Connection;
}

/** What is known of a request before it is read. */
export interface Known {
  /** Its body, inflated: valid UTF-8. */
  json?: Buffer;
  /** The app and key that it showed, which fit. */
  credentials?: Credentials;
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
