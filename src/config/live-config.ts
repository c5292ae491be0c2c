/** A configuration that is replaced while the collector runs: what of it can be, and how those who use it keep up. */
import type { Config } from './config.js';

/** A copy to be used and replaced: whoever reads a setting when it is needed has the newest. */
export const liveCopy = (config: Config): Config => structuredClone(config);

/** Every setting, as its path in the file. What a reload takes over of a section only in part is listed one by one. */
type Setting = Exclude<keyof Config, 'limits'> | `limits.${keyof Config['limits']}`;

/** Settings that take a new start to change, and how each is read. */
const FIXED = {
  listen: ({ listen }) => listen,
  dataDir: ({ dataDir }) => dataDir,
  store: ({ store }) => store,
  trusted_proxies: ({ trusted_proxies = [] }) => trusted_proxies,
  'limits.body_bytes': ({ limits }) => limits.body_bytes,
  'limits.chunk_bytes': ({ limits }) => limits.chunk_bytes,
} satisfies Partial<Record<Setting, (config: Config) => unknown>>;

/**
 * All others, and how each is taken over: in the object that its readers hold, or as a new one where something is made of it
 * (`madeOf`). A new setting does not compile until it is in one of the two lists.
 */
const RELOADED = {
  apps: (config, { apps }) => Object.assign(config, { apps }),
  auth: (config, { auth }) => Object.assign(config, { auth }),
  log: (config, { log }) => Object.assign(config, { log }),
  retention: (config, { retention }) => Object.assign(config.retention, retention),
  disk: (config, { disk }) => Object.assign(config.disk, disk),
  'limits.events_per_minute': ({ limits }, { limits: { events_per_minute } }) =>
    Object.assign(limits, { events_per_minute }),
} satisfies Record<Exclude<Setting, keyof typeof FIXED>, (config: Config, next: Config) => unknown>;

/** The settings of `next` that differ from those in use, and need a new start. */
export const needRestart = (config: Config, next: Config): string[] =>
  Object.entries(FIXED)
    .filter(([, read]) => JSON.stringify(read(config)) !== JSON.stringify(read(next)))
    .map(([path]) => path);

/** Takes over all of `next` that can be taken over. */
export function takeOver(config: Config, next: Config): void {
  const copy = structuredClone(next);
  for (const take of Object.values(RELOADED)) take(config, copy);
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
