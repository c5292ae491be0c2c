/** Refuses replays, then events, before the disk is full, and bounds what each app's replays take in an hour. */
import { statfsSync } from 'node:fs';
import type { Config } from '../config/config.js';
import { DISK_BLOCK_BYTES, HOUR_MS, REPLAY_FREE_FILES } from '../domain/limits.js';
import type { DiskWatch } from './port.js';

const LOOK_EVERY_MS = 2_000;

/** What unprivileged users may still write. */
export interface FreeSpace {
  bytes: number;
  /** Files that can still be made (inodes). */
  files: number;
}

export const ROOM_WITHOUT_END: FreeSpace = { bytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER };

/** `look` is called now and every `LOOK_EVERY_MS`. */
export function startDiskWatch(
  dataDir: string,
  disk: Config['disk'],
  look = () => freeSpaceOf(dataDir),
): DiskWatch & { stop(): void } {
  let free = look();
  const timer = setInterval(() => {
    free = look();
  }, LOOK_EVERY_MS);
  timer.unref();
  /** What the hour that began at `start` has taken, by app. */
  const hours = new Map<string, { start: number; bytes: number }>();

  return {
    stop: () => clearInterval(timer),
    freeBytes: () => free.bytes,
    freeFiles: () => free.files,
    takesEvents: () => free.bytes >= disk.events_free_bytes,
    takesReplays: () => free.bytes >= disk.replay_free_bytes && free.files >= REPLAY_FREE_FILES,
    spend(app, chunkBytes, at = performance.now()) {
      if (disk.replay_bytes_per_hour === 0) return undefined;
      const known = hours.get(app);
      const elapsed = known === undefined ? HOUR_MS : at - known.start;
      const isOver = elapsed < 0 || elapsed >= HOUR_MS;
      const hour = known === undefined || isOver ? { start: at, bytes: 0 } : known;
      const bytes = bytesOnDisk(chunkBytes);
      if (hour.bytes + bytes > disk.replay_bytes_per_hour)
        return Math.ceil((hour.start + HOUR_MS - at) / 1_000);
      hour.bytes += bytes;
      hours.set(app, hour);
      return undefined;
    },
    giveBack(app, chunkBytes) {
      const hour = hours.get(app);
      if (hour) hour.bytes = Math.max(hour.bytes - bytesOnDisk(chunkBytes), 0);
    },
  };
}

/** A chunk is a file of whole blocks. */
const bytesOnDisk = (bytes: number): number => Math.ceil(bytes / DISK_BLOCK_BYTES) * DISK_BLOCK_BYTES;

/** If the system does not tell, the disk counts as having room: writes fail once it is full. */
function freeSpaceOf(dataDir: string): FreeSpace {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(dataDir);
    // Some file systems make inodes as they are needed, and tell 0 of them.
    return { bytes: bavail * bsize, files: files === 0 ? ROOM_WITHOUT_END.files : ffree };
  } catch {
    return ROOM_WITHOUT_END;
  }
}
