/** Corrects client clocks: the time of an event, from the client's time and the time of receipt. */
import type { EventColumns } from '../domain/event-columns.js';
import { CLOCK_SKEW_MS, FUTURE_MS, MIN_TS } from '../domain/limits.js';

export interface RequestClock {
  /** The client's clock as it sent, Unix ms. */
  sentAt?: number | undefined;
  /** Our clock as the request came in, Unix ms. */
  receivedAt: number;
}

/** The corrected time, Unix ms. A `ts` of 0 means that the client gave none. */
export function correctTs(ts: number, clock: RequestClock): number {
  return ts === 0 ? clock.receivedAt : (plausibleTs(ts, clock) ?? clock.receivedAt);
}

/**
 * The time shifted by what the client's clock is off; `undefined` where that cannot be when it happened: more than
 * `FUTURE_MS` after the receipt, or before `MIN_TS` (seconds taken for milliseconds, a clock that was never set).
 */
export function plausibleTs(ts: number, { sentAt, receivedAt }: RequestClock): number | undefined {
  const offBy = sentAt === undefined ? 0 : receivedAt - sentAt;
  const shifted = Math.abs(offBy) > CLOCK_SKEW_MS ? ts + offBy : ts;
  return shifted < MIN_TS || shifted > receivedAt + FUTURE_MS ? undefined : shifted;
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
