/** Who may send: app keys and origins, compared so that timing tells nothing about a key. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AppConfig } from '../config/config.js';

export interface Keyring {
  /** Whether `app` is configured and `key` is one of its keys. An unknown app costs the same work as a wrong key. */
  opens(app: string, key: string): boolean;
  /** The app whose key this is; compares with every app's, whichever matches. */
  ownerOf(key: string): string | undefined;
  /** Whether a request with this `Origin` may send for a configured `app`; one without the header may. */
  allowsOrigin(app: string, origin: string | undefined): boolean;
}

/** Every key of an app, the newest first. */
export const keysOf = ({ key }: Pick<AppConfig, 'key'>): readonly string[] =>
  typeof key === 'string' ? [key] : key;

interface Lock {
  digests: readonly Uint8Array[];
  origins: ReadonlySet<string>;
}

/**
 * Digests the configured keys once. A presented key is digested every time: about a microsecond, less than a cache keyed by
 * presented keys would be worth, since its hits and evictions would show in the timing.
 */
export function createKeyring(apps: Readonly<Record<string, AppConfig>>): Keyring {
  const locks = new Map<string, Lock>();
  for (const [app, config] of Object.entries(apps)) {
    locks.set(app, { digests: keysOf(config).map(digestOf), origins: new Set(config.origins) });
  }
  const nobody = [randomBytes(32)];

  return {
    opens(app, key) {
      const expected = locks.get(app)?.digests ?? nobody;
      const digest = digestOf(key);
      let matches = false;
      for (const one of expected) if (timingSafeEqual(digest, one)) matches = true;
      return matches && expected !== nobody;
    },
    ownerOf(key) {
      const digest = digestOf(key);
      let owner: string | undefined;
      for (const [app, lock] of locks) {
        for (const one of lock.digests) if (timingSafeEqual(digest, one)) owner = app;
      }
      return owner;
    },
    allowsOrigin(app, origin) {
      if (origin === undefined) return true;
      const lock = locks.get(app);
      return lock !== undefined && (lock.origins.size === 0 || lock.origins.has(origin));
    },
  };
}

function digestOf(key: string): Uint8Array {
  return hash('sha256', key, 'buffer');
}
