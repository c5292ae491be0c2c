/** Who may send: the apps' keys and origins. Comparisons of keys take the same time whatever they find. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AppConfig } from '../config/config.js';

/** An app's keys, the newest first. */
export const keysOf = ({ key }: Pick<AppConfig, 'key'>): readonly string[] =>
  typeof key === 'string' ? [key] : key;

export type Keyring = ReturnType<typeof createKeyring>;

/** Presented keys are hashed each time (about 1 µs): a cache would show in the timing. */
export function createKeyring(apps: Readonly<Record<string, AppConfig>>) {
  const locks = new Map(
    Object.entries(apps).map(([app, config]) => [
      app,
      { digests: keysOf(config).map(digestOf), origins: new Set(config.origins) },
    ]),
  );
  const nobody = [randomBytes(32)];

  return {
    /** Whether `key` is one of the app's keys; an unknown app takes as long as a wrong key. */
    opens(app: string, key: string): boolean {
      const expected = locks.get(app)?.digests ?? nobody;
      const digest = digestOf(key);
      let matches = false;
      for (const one of expected) if (timingSafeEqual(digest, one)) matches = true;
      return matches && expected !== nobody;
    },
    /** The app whose key this is; compares every key. */
    ownerOf(key: string): string | undefined {
      const digest = digestOf(key);
      let owner: string | undefined;
      for (const [app, lock] of locks) {
        for (const one of lock.digests) if (timingSafeEqual(digest, one)) owner = app;
      }
      return owner;
    },
    /** Whether a request with this `Origin`, or without one, may send for a configured `app`. */
    allowsOrigin(app: string, origin: string | undefined): boolean {
      if (origin === undefined) return true;
      const lock = locks.get(app);
      return lock !== undefined && (lock.origins.size === 0 || lock.origins.has(origin));
    },
  };
}

const digestOf = (key: string): Uint8Array => hash('sha256', key, 'buffer');
