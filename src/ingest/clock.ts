/** Puts client clocks right: which time an event gets, from what its client said and when it was received. */
import type { EventColumns } from '../domain/event-columns.js';
import { CLOCK_SKEW_MS, FUTURE_MS, MAX_TS } from '../domain/limits.js';

export interface RequestClock {
  /** The client's clock as it sent, Unix ms, when it said. */
  sentAt?: number;
  /** Our clock as the request came in, Unix ms. */
  receivedAt: number;
}

/**
 * The time, Unix ms, to keep for something a client dated `ts`; 0 means that it gave no date. Always within 0 … `MAX_TS`.
 */
export function settleTs(ts: number, clock: RequestClock): number {
  if (ts === 0) return clock.receivedAt;
  if (clock.sentAt === undefined) return ts > clock.receivedAt + FUTURE_MS ? clock.receivedAt : ts;
  const offBy = clock.receivedAt - clock.sentAt;
  if (Math.abs(offBy) <= CLOCK_SKEW_MS) return ts;
  return Math.min(Math.max(ts + offBy, 0), MAX_TS);
}

/** Settles every event's `ts` in place; an event that told another time keeps that one in `clientTs`. */
export function settleClocks(columns: EventColumns, clock: RequestClock): void {
  const { ts } = columns;
  for (let i = 0; i < ts.length; i++) {
    const said = ts[i] as number;
    const settled = settleTs(said, clock);
    if (settled === said) continue;
    ts[i] = settled;
    if (said === 0) continue;
    columns.clientTs ??= new Array<number | undefined>(ts.length).fill(undefined);
    columns.clientTs[i] = said;
  }
}
