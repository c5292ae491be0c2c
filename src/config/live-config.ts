/** A configuration that is replaced while the collector runs: what of it can be, and how those who use it keep up. */
import type { Config } from './config.js';

/** Settings that a running collector cannot change, as their paths in the file. */
const FIXED: readonly [path: string, read: (config: Config) => unknown][] = [
  ['listen', ({ listen }) => listen],
  ['dataDir', ({ dataDir }) => dataDir],
  ['store', ({ store }) => store],
  ['trusted_proxies', ({ trusted_proxies = [] }) => trusted_proxies],
  ['store', ({ store }) => store],
  ['limits.body_bytes', ({ limits }) => limits.body_bytes],
  ['limits.chunk_bytes', ({ limits }) => limits.chunk_bytes],
];

/** A copy to be used and replaced: whoever reads a setting when it is needed has the newest. */
export const liveCopy = (config: Config): Config => structuredClone(config);

/** The settings of `next` that differ from those in use, and need a new start. */
export const needRestart = (config: Config, next: Config): string[] =>
  FIXED.filter(([, read]) => JSON.stringify(read(config)) !== JSON.stringify(read(next))).map(
    ([path]) => path,
  );

/** Takes over all of `next` that can be taken over. Of apps and passwords new objects, in the others new values. */
export function takeOver(config: Config, next: Config): void {
  const { apps, auth, log, retention, disk, limits } = structuredClone(next);
  Object.assign(config, { apps, auth, log });
  Object.assign(config.retention, retention);
  Object.assign(config.disk, disk);
  config.limits.events_per_minute = limits.events_per_minute;
}

/** What is made of a part of the configuration, made anew once a reload has replaced that part. */
export function madeOf<Part, Made>(part: () => Part, make: (part: Part) => Made): () => Made {
  let last = part();
  let made = make(last);
  return () => {
    const now = part();
    if (now !== last) {
      last = now;
      made = make(now);
    }
    return made;
  };
}
