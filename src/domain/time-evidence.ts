/**
 * What time it is, for what cannot be undone: a sweep must not go by a wall clock that may be wrong.
 *
 * Evidence of time is a time that was trusted before (or the greatest time of receipt stored), plus the
 * monotonic time since. While the wall clock is within a day of it, each receipt moves it up to the wall
 * clock. A wall clock further off is believed once it has run evenly for a day, or where somebody says so.
 */
import { DAY_MS } from './limits.js';

/** Further off than this, a wall clock is doubted. A retention counts whole days. */
export const CLOCK_DOUBT_MS = DAY_MS;
/** A doubted clock that runs evenly for this long is believed. */
export const CLOCK_STEADY_MS = DAY_MS;

/** `ahead`, `behind`: the wall clock against the evidence. `unknown`: there is no evidence. */
export type ClockState = 'trusted' | 'ahead' | 'behind' | 'unknown';

/** Times in Unix ms. */
export interface ClockReading {
  state: ClockState;
  wall: number;
  /** Undefined where there is none. */
  evidence: number | undefined;
  /** For what cannot be undone: the lesser of both times. Undefined while nothing may be deleted. */
  time: number | undefined;
  /** How long until the wall clock is believed, if it goes on evenly. 0 when it is. */
  doubtMs: number;
}

export interface TimeEvidence {
  look(): ClockReading;
  /** Notes that something was received and stored just now. */
  received(): void;
  /** Somebody says that the wall clock is right. */
  trust(): void;
}

export interface TimeEvidenceOptions {
  /** The time trusted last, else the greatest time of receipt stored; undefined where neither is known. */
  evidence: number | undefined;
  /** The wall clock, Unix ms. */
  now: () => number;
  /** Ms since any moment; never set. */
  monotonic: () => number;
  /** Whether the wall clock is right, as somebody says at the start. */
  trustClock?: boolean;
}

export function openTimeEvidence({
  evidence,
  now,
  monotonic,
  trustClock = false,
}: TimeEvidenceOptions): TimeEvidence {
  let known = evidence === undefined ? undefined : { time: evidence, at: monotonic() };
  /** Since when the wall clock has run as evenly as the monotonic one, and how far apart they are. */
  let steady = { since: monotonic(), apart: now() - monotonic() };

  const look = (): ClockReading => {
    const at = monotonic();
    const wall = now();
    if (Math.abs(wall - at - steady.apart) > CLOCK_DOUBT_MS) steady = { since: at, apart: wall - at };
    // A trusted clock too: a start a little ahead must not count for ever.
    if (at - steady.since >= CLOCK_STEADY_MS) {
      known = { time: wall, at };
      steady = { since: at, apart: wall - at };
    }
    const time = known && Math.floor(known.time + at - known.at);
    const state = stateOf(wall, time);
    const isDoubted = state === 'ahead' || time === undefined;
    return {
      state,
      wall,
      evidence: time,
      time: isDoubted ? undefined : Math.min(wall, time),
      doubtMs: state === 'trusted' ? 0 : CLOCK_STEADY_MS - (at - steady.since),
    };
  };
  const trust = (): void => {
    known = { time: now(), at: monotonic() };
  };
  if (trustClock) trust();
  return {
    look,
    received() {
      const { state, wall, evidence: time } = look();
      if (state === 'trusted' && time !== undefined && wall > time) trust();
    },
    trust,
  };
}

function stateOf(wall: number, evidence: number | undefined): ClockState {
  if (evidence === undefined) return 'unknown';
  if (wall - evidence > CLOCK_DOUBT_MS) return 'ahead';
  return evidence - wall > CLOCK_DOUBT_MS ? 'behind' : 'trusted';
}
