/** The messages between the queue, on the HTTP thread, and the intake, on a thread of its own. */
import type { Refusal } from '../domain/problems.js';

/**
 * Raw requests of one turn of the HTTP thread: their bodies one after the other in one transferred buffer.
 * The rest is in columns, since copying an object for each request would cost both threads more than the
 * bodies do.
 */
export interface IngestMessage {
  kind: 'ingest';
  bytes: Uint8Array<ArrayBuffer>;
  lengths: number[];
  receivedAt: number[];
  /** The place in the queue that each request holds until it is answered. */
  places: number[];
  /** A number for each client's address. */
  senders: number[];
  /** Of the requests that have any, ascending by index. */
  headers: [index: number, headers: { encoding?: string; origin?: string }][];
}

/** The requests in these places are durable, except the refused. */
export interface Answers {
  places: number[];
  refusals: [place: number, refusal: Refusal][];
}
