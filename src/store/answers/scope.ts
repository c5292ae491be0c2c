/** What the answers share: the log, the views, and the bounds of a read. */
import type { JsonText, StoredEvent } from '../../domain/event.js';
import { MAX_TS } from '../../domain/limits.js';
import type { Log } from '../../log/batches/log.js';
import type { RecordBatch } from '../../log/batches/record-batch.js';
import type { Env } from '../../log/file/env.js';
import { openSessions, type Sessions } from '../../projections/sessions.js';
import { openStreams, type Streams } from '../../projections/streams.js';
import { openUsers, type Users } from '../../projections/users.js';
import { ANSWER_BOUNDS, type AnswerBounds, bounded } from '../../questions/bounds.js';
import { type Manifest, openManifest } from '../../replay/manifest.js';
import type { TimeRange } from '../port.js';
import { ANY_READ, type Deadline, type NextLimit, openDeadline } from './deadline.js';
import { cachingLog } from './recent-batches.js';

export type Bounds = Required<TimeRange>;

/** A count over the events of apps within bounds. */
export interface CountQuery extends Bounds {
  apps: readonly number[];
  /** One more than the greatest user number. */
  users: number;
  /** For each step of a loop: throws when the read must end. */
  checkTime: () => void;
}

export interface ReadOptions {
  bounds?: AnswerBounds;
  /** Asked at the beginning of each read. */
  nextLimit?: NextLimit;
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
  bounds: AnswerBounds;
  /** Of the read that runs. */
  deadline: Deadline;
  /** Begins a read. */
  begin(): void;
  /** For each step of a loop: throws when the read must end. */
  checkTime(): void;
  /** An event of a batch, without props that are too large for an answer. */
  eventOf(batch: RecordBatch, index: number): StoredEvent;
}

/** In a batch of more bytes a small part's text is copied: as a part of the batch's it would keep it all. */
const LARGE_BATCH_BYTES = 65_536;

export function openScope(
  env: Env,
  stored: Log,
  { bounds = ANSWER_BOUNDS, nextLimit = ANY_READ }: ReadOptions = {},
): Scope {
  const deadline = openDeadline();
  const log = cachingLog(stored, deadline);
  const { dictionaries } = log;
  return {
    env,
    log,
    streams: openStreams(env),
    sessions: openSessions(env, log),
    users: openUsers(env, log, deadline.check),
    manifest: openManifest(env),
    clamp: ({ from = 0, to = MAX_TS }) => ({ from: Math.max(from, log.fence()), to }),
    appNumbers: (apps) =>
      apps === undefined
        ? log.apps()
        : apps
            .map((app) => dictionaries.number('app', app))
            .filter((number): number is number => number !== undefined),
    appName: (app) => dictionaries.text('app', app),
    bounds,
    deadline,
    begin: () => deadline.begin(nextLimit()),
    checkTime: deadline.check,
    eventOf(batch, index) {
      const event = bounded(log.event(batch, index), bounds);
      const { props } = event;
      if (props === undefined || batch.bytes < LARGE_BATCH_BYTES || props.length * 4 > batch.bytes)
        return event;
      return { ...event, props: Buffer.from(props, 'utf8').toString('utf8') as JsonText };
    },
  };
}
