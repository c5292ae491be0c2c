/** What taking in a request needs and what it comes to; shared by the HTTP side and the thread that parses. */
import type { ColumnBatch } from '../domain/event-columns.js';
import type { Problem } from '../domain/problems.js';

/** A `POST /v1/events` as it came off the socket. */
export interface IngestRequest {
  body: Uint8Array;
  /** `Content-Encoding`, lower case, when the request named one. */
  encoding?: string;
  /** The `Origin` header, when there is one. */
  origin?: string;
  /** Time of receipt, Unix ms. */
  receivedAt: number;
}

/** Why a request is turned away; `code` is a row of the problem registry. */
export interface Refusal extends Problem {
  retryAfterS?: number;
}

export type IngestOutcome = { batch: ColumnBatch; refusal?: never } | { refusal: Refusal; batch?: never };

/** Takes a request through to durable storage: `undefined` is a 204, anything else the reason it is not. */
export type Ingest = (request: IngestRequest) => Promise<Refusal | undefined>;
