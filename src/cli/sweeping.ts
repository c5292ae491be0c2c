/** The retention sweep as a running collector does it: once at the start, then once a day. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.js';
import { DAY_MS } from '../domain/limits.js';
import type { Store, SweepCutoffs } from '../store/port.js';

/** The UTC midnights before which a retention deletes, at a moment (Unix ms). */
export function cutoffsAt(retention: Config['retention'], now: number): SweepCutoffs {
  const today = now - (now % DAY_MS);
  const cutoffs: SweepCutoffs = {};
  if (retention.events_days > 0) cutoffs.eventsBefore = today - retention.events_days * DAY_MS;
  if (retention.replays_days > 0) cutoffs.replaysBefore = today - retention.replays_days * DAY_MS;
  return cutoffs;
}

/**
 * Sweeps now and every 24 hours, one sweep at a time, also where everything is kept: `batch_id`s expire.
 * `stop` does not wait: the next start continues a sweep. A failure is logged.
 */
export function startSweeping(store: Store, retention: Config['retention'], log: Logger): { stop(): void } {
  let stopped = false;
  const sweep = async () => {
    const cutoffs = cutoffsAt(retention, Date.now());
    try {
      const report = await store.sweep(cutoffs);
      log.info({ cutoffs, report }, 'retention sweep done');
    } catch (error) {
      if (!stopped) log.error({ err: error, cutoffs }, 'retention sweep failed');
    }
  };
  let running = sweep();
  const timer = setInterval(() => {
    running = running.then(sweep);
  }, DAY_MS);
  timer.unref();
  return {
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}
