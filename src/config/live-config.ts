/** Which settings a reload takes over while the collector runs, and which need a restart. */
import type { Config } from './config.js';

/** Every setting's path in the file. `limits` is reloaded in part, so its settings are listed one by one. */
type Setting = Exclude<keyof Config, 'limits'> | `limits.${keyof Config['limits']}`;

/** Settings that need a restart, and how each is read. */
const FIXED = {
  listen: ({ listen }) => listen,
  dataDir: ({ dataDir }) => dataDir,
  store: ({ store }) => store,
  trusted_proxies: ({ trusted_proxies = [] }) => trusted_proxies,
  'limits.body_bytes': ({ limits }) => limits.body_bytes,
  'limits.chunk_bytes': ({ limits }) => limits.chunk_bytes,
} satisfies Partial<Record<Setting, (config: Config) => unknown>>;

/**
 * All others, and how each is taken over: in the object that its readers hold, or as a new object where
 * something is made of it (`madeOf`). A new setting does not compile until it is in one of the two lists.
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

/** The settings that differ in `next` and need a restart. */
export const needRestart = (config: Config, next: Config): string[] =>
  Object.entries(FIXED)
    .filter(([, read]) => JSON.stringify(read(config)) !== JSON.stringify(read(next)))
    .map(([path]) => path);

const followers = new WeakMap<object, Set<() => void>>();

/** Calls `run` after each `takeOver` into `config`. */
export function onTakeOver(config: object, run: () => void): void {
  const known = followers.get(config) ?? new Set();
  followers.set(config, known.add(run));
}

/** Takes over everything from `next` that needs no restart. */
export function takeOver(config: Config, next: Config): void {
  const copy = structuredClone(next);
  for (const take of Object.values(RELOADED)) take(config, copy);
  for (const run of followers.get(config) ?? []) run();
}

/** Makes something of a part of the configuration, and again once a reload has replaced that part. */
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
