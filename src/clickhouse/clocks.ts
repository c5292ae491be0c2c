/**
 * Collectors compare clocks, since what retention deletes is gone for all of them: each notes how far it is ahead
 * of the engine's clock. A sweep goes by the lesser of the engine's clock and the collectors' median, so that no
 * fast one raises the fence alone.
 */
import { randomUUID } from 'node:crypto';
import { DAY_MS } from '../domain/limits.js';
import type { SweepCutoffs } from '../store/port.js';
import type { Engine } from './connect.js';
import { deleteAny } from './retention.js';
import { ENGINE_NOW_MS, queryNumber } from './sql.js';

/** A collector that noted nothing for longer does not count. */
const LIVE_MS = 10 * 60_000;
/** Clocks are not compared more exactly than this; further off is said. */
export const CLOCK_APART_MS = 60_000;

export type Clocks = ReturnType<typeof openClocks>;

export interface ClocksOptions {
  engine: Engine;
  /** This collector's clock, Unix ms. */
  now: () => number;
  /** The engine's clock, Unix ms. */
  engineNow?: () => Promise<number>;
}

export function openClocks({ engine, now, engineNow = () => askEngine(engine) }: ClocksOptions) {
  const token = randomUUID();
  let aheadMs = 0;

  /** Notes how far this clock is ahead of the engine's; returns the engine's. */
  const note = async (): Promise<number> => {
    const before = now();
    const at = await engineNow();
    aheadMs = Math.round((before + now()) / 2) - at;
    await engine.insert('clocks', [{ token, at, ahead_ms: aheadMs }]);
    return at;
  };

  /** How far this clock is ahead of the time that all agree on, ms; 0 where that is little. */
  const fastBy = async (): Promise<number> => {
    const at = await note();
    const rows = await engine.query<{ ahead: number }>(
      'SELECT argMax(ahead_ms, at) AS ahead FROM clocks WHERE at > {since:UInt64} GROUP BY token',
      { since: Math.max(0, at - LIVE_MS) },
    );
    const sorted = rows.map(({ ahead }) => Number(ahead)).sort((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? aheadMs;
    const fastMs = aheadMs - Math.min(0, median);
    return fastMs > CLOCK_APART_MS ? fastMs : 0;
  };

  return {
    note,
    fastBy,
    /** Ahead of the engine's clock, ms, as noted last; negative behind it. */
    aheadMs: () => aheadMs,
    /** Deletes what collectors noted about themselves more than a day ago. */
    async forget(): Promise<void> {
      const bound = now() - aheadMs - DAY_MS;
      for (const table of ['clocks', 'collectors']) await deleteAny(engine, table, 'at', bound);
    },
    /** What a sweep may delete by the time that all agree on. */
    async agreed({ eventsBefore, replaysBefore, now: trusted }: SweepCutoffs): Promise<SweepCutoffs> {
      const fastMs = await fastBy();
      // Cutoffs are midnights.
      const later = Math.ceil(fastMs / DAY_MS) * DAY_MS;
      return {
        ...(eventsBefore !== undefined && { eventsBefore: eventsBefore - later }),
        ...(replaysBefore !== undefined && { replaysBefore: replaysBefore - later }),
        ...(trusted !== undefined && { now: trusted - fastMs }),
      };
    },
  };
}

/** It has whole seconds: their middle is nearest. */
const askEngine = async (engine: Engine): Promise<number> =>
  (await queryNumber(engine, `SELECT ${ENGINE_NOW_MS} AS engine_now`)) + 500;
