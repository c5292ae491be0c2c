/** `spyglass sweep`. */
import { assertStore } from '../log/file/data-dir.js';
import type { SweepReport } from '../store/port.js';
import { dataDirOf, readConfig, type Where } from './config-file.js';
import { CommandFailure, EXIT_USAGE } from './failure.js';
import { sweepClickhouse } from './on-clickhouse.js';
import { onStore } from './on-store.js';
import { cutoffsAt } from './sweeping.js';

export interface SweepOptions extends Where {
  eventsDays?: number;
  replaysDays?: number;
}

/** Sweeps a store by the retention given, else the configured one. */
export async function sweep(options: SweepOptions): Promise<void> {
  const cutoffs = async () => cutoffsAt(await retentionOf(options), Date.now());
  const tell = (name: string, { events, chunks }: SweepReport) =>
    console.log(`ok  ${name}: ${events} events and ${chunks} replay chunks were past their retention`);
  if (await sweepClickhouse(options, cutoffs, tell)) return;
  const dataDir = await dataDirOf(options);
  assertStore(dataDir);
  const retention = await retentionOf(options);
  const report = await onStore(
    dataDir,
    { command: 'sweep', ...retention },
    'events',
    (collector, onProgress) => collector.answer(onProgress),
    async () => {
      const { openLmdbStore } = await import('../store/open-in-process.js');
      const store = await openLmdbStore({ dataDir });
      return store.sweep(cutoffsAt(retention, Date.now())).finally(store.close);
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
