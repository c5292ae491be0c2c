/** Corrects client clocks: the time of an event, from the client's time and the time of receipt. */
import type { EventColumns } from '../domain/event-columns.js';
import { CLOCK_SKEW_MS, FUTURE_MS, MAX_TS } from '../domain/limits.js';

export interface RequestClock {
  /** The client's clock as it sent, Unix ms. */
  sentAt?: number | undefined;
  /** Our clock as the request came in, Unix ms. */
  receivedAt: number;
}

/** The corrected time, Unix ms, 0 … `MAX_TS`. A `ts` of 0 means that the client gave none. */
export function correctTs(ts: number, { sentAt, receivedAt }: RequestClock): number {
  if (ts === 0) return receivedAt;
  if (sentAt === undefined) return ts > receivedAt + FUTURE_MS ? receivedAt : ts;
  const offBy = receivedAt - sentAt;
  if (Math.abs(offBy) <= CLOCK_SKEW_MS) return ts;
  return Math.min(Math.max(ts + offBy, 0), MAX_TS);
}

/** Corrects every `ts` in place; `clientTs` keeps the client's time where it was another. */
export function correctClocks(columns: EventColumns, clock: RequestClock): void {
  const { ts } = columns;
  for (let i = 0; i < ts.length; i++) {
    const given = ts[i] as number;
    const corrected = correctTs(given, clock);
    if (corrected === given) continue;
    ts[i] = corrected;
    if (given === 0) continue;
    columns.clientTs ??= new Array<number | undefined>(ts.length).fill(undefined);
    columns.clientTs[i] = given;
  }
}
