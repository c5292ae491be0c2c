/** The retention sweep as a running collector does it: at the start and once a day, by a time that has evidence. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import { ProblemError } from '../domain/problems.js';
import { type ClockReading, openTimeEvidence, type TimeEvidence } from '../domain/time-evidence.js';
import type { Store, SweepCutoffs } from '../store/port.js';

const LOOK_EVERY_MS = 60_000;
const monotonic = (): number => performance.now();

/** The UTC midnights before which a retention deletes, at a moment (Unix ms). */
export function cutoffsAt(retention: Config['retention'], now: number): SweepCutoffs {
  const today = now - (now % DAY_MS);
  const cutoffs: SweepCutoffs = {};
  if (retention.events_days > 0) cutoffs.eventsBefore = today - retention.events_days * DAY_MS;
  if (retention.replays_days > 0) cutoffs.replaysBefore = today - retention.replays_days * DAY_MS;
  return cutoffs;
}

/** Undefined while nothing may be deleted. */
function cutoffsOf(retention: Config['retention'], { state, time }: ClockReading): SweepCutoffs | undefined {
  if (time === undefined) return undefined;
  const cutoffs = cutoffsAt(retention, time);
  // By a clock that is behind, a fence that is right would look wrong.
  return state === 'trusted' ? { ...cutoffs, now: time } : cutoffs;
}

/** What a store knows of the time, and from then on a clock. */
export async function openClock(
  store: Pick<Store, 'timeEvidence'>,
  trustClock = false,
): Promise<TimeEvidence> {
  const evidence = await store.timeEvidence(Date.now());
  return openTimeEvidence({ evidence, now: Date.now, monotonic, trustClock });
}

/** What a wall clock is doubted for, for people. */
export function doubtOf({ wall, evidence }: ClockReading): string {
  const utc = (time: number) => new Date(time).toISOString();
  if (evidence === undefined) return `the clock says ${utc(wall)}, and nothing in the store tells a time`;
  return `the clock says ${utc(wall)}, and the store knows of no time after ${utc(evidence)}`;
}

/** What a sweep that somebody asked for deletes. Throws a `ProblemError`, `clock_doubted`. */
export function cutoffsBy(clock: TimeEvidence, retention: Config['retention']): SweepCutoffs {
  const reading = clock.look();
  const cutoffs = cutoffsOf(retention, reading);
  if (cutoffs !== undefined) return cutoffs;
  throw new ProblemError(
    'clock_doubted',
    `${doubtOf(reading)}: nothing was swept; if the clock is right, add --trust-clock`,
  );
}

/**
 * Sweeps as soon as the clock can be trusted and every 24 hours from then on, one sweep at a time, also where
 * everything is kept: `batch_id`s expire. Failures are logged. `stop` waits for no sweep: the next start
 * continues it.
 */
export function startSweeping(
  store: Store,
  retention: Config['retention'],
  log: Logger,
  clock: TimeEvidence,
) {
  let stopped = false;
  let isSweeping = false;
  let sweptAt: number | undefined;
  let notedAt: number | undefined;
  const stopListening = store.onCommit(() => clock.received());
  const say = openClockLog(log);

  const sweep = async (cutoffs: SweepCutoffs): Promise<void> => {
    try {
      const report = await store.sweep(cutoffs);
      log.info({ cutoffs, report }, 'retention sweep done');
    } catch (error) {
      if (!stopped) log.error({ err: error, cutoffs }, 'retention sweep failed');
    }
  };
  /** Keeps the time for the next start, once it is trusted. */
  const note = async ({ state, evidence }: ClockReading): Promise<void> => {
    if (state !== 'trusted' || evidence === undefined) return;
    notedAt = monotonic();
    await store.noteTime(evidence).catch((error) => {
      if (!stopped) log.error({ err: error }, 'the time could not be kept for the next start');
    });
  };
  const look = async (): Promise<void> => {
    const reading = clock.look();
    say(reading);
    if (isSweeping) return;
    isSweeping = true;
    if (isDue(notedAt, HOUR_MS)) await note(reading);
    const cutoffs = cutoffsOf(retention, reading);
    if (cutoffs !== undefined && isDue(sweptAt, DAY_MS)) {
      sweptAt = monotonic();
      await sweep(cutoffs);
    }
    isSweeping = false;
  };
  void look();
  const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref();
  return {
    async stop(): Promise<void> {
      stopped = true;
      stopListening();
      clearInterval(timer);
      await note(clock.look());
    },
  };
}

const isDue = (last: number | undefined, everyMs: number): boolean =>
  last === undefined || monotonic() - last >= everyMs;

/** Logs when the clock begins to be doubted, and when it is trusted again. */
function openClockLog(log: Logger): (reading: ClockReading) => void {
  let before: ClockReading['state'] = 'trusted';
  return (reading) => {
    const { state, wall, evidence, doubtMs } = reading;
    if (state === before) return;
    before = state;
    if (state === 'trusted') {
      log.info({ wall, evidence }, 'the clock is trusted');
      return;
    }
    const hours = Math.ceil(doubtMs / HOUR_MS);
    const meanwhile =
      state === 'behind'
        ? 'retention goes by the clock, and batches are refused while it is before what retention deleted'
        : `nothing is swept for ${hours} h; if the clock is right, \`spyglass sweep --trust-clock\` says so`;
    log.warn({ state, wall, evidence, doubtMs }, `${doubtOf(reading)}: ${meanwhile}`);
  };
}
