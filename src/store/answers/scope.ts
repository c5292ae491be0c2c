/** What the answers share: the log, the views, and the bounds of a read. */
import { performance } from 'node:perf_hooks';
import { MAX_TS, READ_MS_MAX } from '../../domain/limits.js';
import type { Log } from '../../log/batches/log.js';
import type { Env } from '../../log/file/env.js';
import { openSessions, type Sessions } from '../../projections/sessions.js';
import { openStreams, type Streams } from '../../projections/streams.js';
import { openUsers, type Users } from '../../projections/users.js';
import { type Manifest, openManifest } from '../../replay/manifest.js';
import { ReadTimeout, type TimeRange } from '../port.js';
import { cachingLog } from './recent-batches.js';

export type Bounds = Required<TimeRange>;

/** A count over the events of apps within bounds. */
export interface CountQuery extends Bounds {
  apps: readonly number[];
  /** One more than the greatest user number. */
  users: number;
  /** Throws when the read must end. */
  checkTime: () => void;
}

export interface Scope {
  env: Env;
  /** It caches the batches that were read last. */
  log: Log;
  streams: Streams;
  sessions: Sessions;
  users: Users;
  manifest: Manifest;
  /** The range with its defaults, from the retention fence on. */
  clamp(range: TimeRange): Bounds;
  /** The apps' numbers; all apps without a list. Unknown names are left out. */
  appNumbers(apps: readonly string[] | undefined): number[];
  appName(app: number): string;
  /** The result is called often; it throws `ReadTimeout` once the read has run for `READ_MS_MAX`. */
  openDeadline(): () => void;
}

function openDeadline(): () => void {
  const end = performance.now() + READ_MS_MAX;
  let calls = 0;
  return () => {
    if ((++calls & 0x3f) === 0 && performance.now() > end) throw new ReadTimeout(`over ${READ_MS_MAX} ms`);
  };
}

export function openScope(env: Env, stored: Log): Scope {
  const log = cachingLog(stored);
  const { dictionaries } = log;
  return {
    env,
    log,
    streams: openStreams(env),
    sessions: openSessions(env, log),
    users: openUsers(env, log),
    manifest: openManifest(env),
    clamp: ({ from = 0, to = MAX_TS }) => ({ from: Math.max(from, log.fence()), to }),
    appNumbers: (apps) =>
      apps === undefined
        ? log.apps()
        : apps
            .map((app) => dictionaries.number('app', app))
            .filter((number): number is number => number !== undefined),
    appName: (app) => dictionaries.text('app', app),
    openDeadline,
  };
}
