/** Refuses replays, then events, before the disk is full, and bounds each app's replay bytes an hour. */
import { statfsSync } from 'node:fs';
import type { Config } from '../config/config.js';
import { HOUR_MS } from '../domain/limits.js';
import type { DiskWatch } from './port.js';

const LOOK_EVERY_MS = 2_000;

/** `freeBytes` counts what unprivileged users may write; it is called now and every `LOOK_EVERY_MS`. */
export function startDiskWatch(
  dataDir: string,
  disk: Config['disk'],
  freeBytes = () => freeBytesOf(dataDir),
): DiskWatch & { stop(): void } {
  let free = freeBytes();
  const timer = setInterval(() => {
    free = freeBytes();
  }, LOOK_EVERY_MS);
  timer.unref();
  /** Replay bytes of the hour that began at `start`, by app. */
  const hours = new Map<string, { start: number; bytes: number }>();

  return {
    stop: () => clearInterval(timer),
    freeBytes: () => free,
    takesEvents: () => free >= disk.events_free_bytes,
    takesReplays: () => free >= disk.replay_free_bytes,
    spend(app, bytes, now) {
      if (disk.replay_bytes_per_hour === 0) return undefined;
      const known = hours.get(app);
      const hour = known !== undefined && now - known.start < HOUR_MS ? known : { start: now, bytes: 0 };
      if (hour.bytes + bytes > disk.replay_bytes_per_hour)
        return Math.ceil((hour.start + HOUR_MS - now) / 1_000);
      hour.bytes += bytes;
      hours.set(app, hour);
      return undefined;
    },
  };
}

/** If the system does not tell, the disk counts as having room: writes fail once it is full. */
function freeBytesOf(dataDir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dataDir);
    return bavail * bsize;
  } catch {
    return Number.MAX_SAFE_INTEGER;
  }
}
