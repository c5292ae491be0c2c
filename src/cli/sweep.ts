/** `spyglass sweep`. */
import { assertStore } from '../log/file/data-dir.js';
import type { Store, SweepReport } from '../store/port.js';
import { dataDirOf, readConfig, type Where } from './config-file.js';
import { CommandFailure, EXIT_USAGE } from './failure.js';
import { sweepClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';
import { cutoffsBy, openClock } from './sweeping.js';

export interface SweepOptions extends Where {
  eventsDays?: number;
  replaysDays?: number;
  /** The clock is right, however far ahead of the store it is. */
  trustClock?: true;
}

/** Sweeps a store by the retention given, else the configured one. */
export async function sweep(options: SweepOptions): Promise<void> {
  const { trustClock } = options;
  const swept = async (store: Store): Promise<SweepReport> => {
    const clock = await openClock(store, trustClock);
    const report = await store.sweep(cutoffsBy(clock, await retentionOf(options)));
    if (trustClock) await store.noteTime(clock.look().wall);
    return report;
  };
  const tell = (name: string, { events, chunks }: SweepReport) =>
    console.log(`ok  ${name}: ${events} events and ${chunks} replay chunks were past their retention`);
  if (await sweepClickhouse(options, swept, tell)) return;
  const dataDir = await dataDirOf(options);
  assertStore(dataDir);
  const retention = await retentionOf(options);
  const report = await onStore(
    dataDir,
    { command: 'sweep', ...retention, ...(trustClock && { trust_clock: true }) },
    'events',
    (collector, onProgress) => collector.answer(onProgress),
    async () => {
      const { openLmdbStore } = await import('../store/open-in-process.js');
      const store = await openLmdbStore({ dataDir });
      return swept(store).finally(store.close);
    },
  );
  tell(dataDir, report);
}

async function retentionOf(options: SweepOptions): Promise<{ events_days: number; replays_days: number }> {
  const { eventsDays, replaysDays } = options;
  const given = eventsDays !== undefined || replaysDays !== undefined;
  if (options.data !== undefined && options.config === undefined) {
    if (given) return { events_days: eventsDays ?? 0, replays_days: replaysDays ?? 0 };
    throw new CommandFailure(
      '--data needs --events-days or --replays-days, or a --config that says them',
      EXIT_USAGE,
    );
  }
  const { retention } = await readConfig(options);
  return {
    events_days: eventsDays ?? retention.events_days,
    replays_days: replaysDays ?? retention.replays_days,
  };
}
