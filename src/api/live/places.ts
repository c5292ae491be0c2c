/** The places of the live feed, shared out: no reader of one app, and no address, takes them all. */
import {
  STREAM_APP_READERS_MAX,
  STREAM_CLIENT_READERS_MAX,
  STREAM_OTHERS_MAX,
  STREAM_READERS_MAX,
} from '../../domain/limits.js';

/** Who asks for a place. */
export interface Follower {
  role: 'operator' | 'viewer' | 'app';
  /** Absent for all apps. */
  apps?: readonly string[];
  /** An address, or a network that counts as one. */
  network: string;
}

export interface Places {
  /** Takes a place, which the result gives back; undefined where this reader's share is used up. */
  take(follower: Follower): (() => void) | undefined;
}

export function createPlaces(): Places {
  const taken = new Map<string, number>();
  const add = (key: string, count: number): void => {
    const now = (taken.get(key) ?? 0) + count;
    if (now === 0) taken.delete(key);
    else taken.set(key, now);
  };
  return {
    take(follower) {
      const shares = sharesOf(follower);
      if (shares.some(([key, max]) => (taken.get(key) ?? 0) >= max)) return undefined;
      for (const [key] of shares) add(key, 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        for (const [key] of shares) add(key, -1);
      };
    },
  };
}

/** What a reader counts towards, and how many places each has. The operator may take what is left. */
function sharesOf({ role, apps = [], network }: Follower): [key: string, max: number][] {
  const all: [string, number] = ['all', STREAM_READERS_MAX];
  if (role === 'operator') return [all];
  const who = `${role} ${apps.join()}`;
  return [
    all,
    ['others', STREAM_OTHERS_MAX],
    [who, role === 'app' ? STREAM_APP_READERS_MAX : STREAM_OTHERS_MAX],
    [`${who} at ${network}`, STREAM_CLIENT_READERS_MAX],
  ];
}
