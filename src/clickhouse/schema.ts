/**
 * The tables, and the materialized views that fold events into them.
 *
 * `events` is the source of all views. A row's identity is (`batch`, `idx`): the app's `batch_id` and the
 * event's index. A retry through another collector adds a row of one identity with another id; the least id
 * is valid. So views hold only states that a repeat cannot change: least, greatest, exact sets. They are
 * folded by UTC day, and retention ends at a midnight, so it deletes whole rows.
 *
 * On a cluster each table is `…_local` on every shard and a Distributed table over them. Events are sharded
 * by user, so a funnel needs one shard a user. A shard's views fold its own events; readers merge all states.
 */
import { EVENTS_PARTITION, VIEWS_PARTITION } from './partitions.js';

interface Table {
  columns: string;
  engine: string;
  order: string;
  partition?: string;
  /** The sharding key; a view's rows are on the shard that has their events, whatever the key. */
  shard: string;
  /** Rows per index entry. */
  granularity?: number;
}

/** For tables that are looked up by random keys: a look-up reads this many rows instead of 8,192. */
const LOOKUP_GRANULARITY = 256;
/** Prefix of the identity of a batch without a `batch_id`. */
export const MADE_BATCH = '~';

/** `(ts, id)`: the greatest event by it decides. */
const AT = 'Tuple(UInt64, UInt64)';

export const TABLES: Readonly<Record<string, Table>> = {
  events: {
    columns: `
      hour UInt32, user_id String, app String, ts UInt64, id UInt64, session_id String, type UInt8, name String,
      url Nullable(String), props Nullable(String), has_person UInt8, person_name Nullable(String),
      person_email Nullable(String), client_ts Nullable(UInt64), error_group String, frame String,
      batch String, idx UInt32`,
    engine: 'MergeTree()',
    partition: EVENTS_PARTITION,
    order: 'hour, user_id, app, ts, id',
    shard: 'cityHash64(user_id)',
  },
  /** In order of arrival: the hour and user that an id has in `events`. */
  arrivals: {
    columns: 'id UInt64, hour UInt32, user_id String, app String, ts UInt64, batch String, idx UInt32',
    engine: 'MergeTree()',
    order: 'id',
    shard: 'cityHash64(user_id)',
  },
  sessions: {
    columns: `
      app String, session_id String, day UInt32, first_ts AggregateFunction(min, UInt64),
      last_ts AggregateFunction(max, UInt64), last_user AggregateFunction(argMax, String, ${AT}),
      events AggregateFunction(uniqExact, String, UInt32),
      errors AggregateFunction(uniqExactIf, String, UInt32, UInt8)`,
    engine: 'AggregatingMergeTree()',
    partition: VIEWS_PARTITION,
    order: 'app, session_id, day',
    shard: 'cityHash64(session_id)',
  },
  users: {
    columns: `
      app String, user_id String, day UInt32, first_ts AggregateFunction(min, UInt64),
      last_ts AggregateFunction(max, UInt64), sessions AggregateFunction(groupUniqArray, String),
      told_name AggregateFunction(argMaxIf, String, ${AT}, UInt8),
      told_email AggregateFunction(argMaxIf, String, ${AT}, UInt8)`,
    engine: 'AggregatingMergeTree()',
    partition: VIEWS_PARTITION,
    order: 'app, user_id, day',
    shard: 'cityHash64(user_id)',
  },
  days: {
    columns: `
      app String, day UInt32, first_ts AggregateFunction(min, UInt64), last_ts AggregateFunction(max, UInt64),
      users AggregateFunction(uniqExact, String), errors AggregateFunction(uniqExactIf, String, UInt32, UInt8)`,
    engine: 'AggregatingMergeTree()',
    partition: VIEWS_PARTITION,
    order: 'app, day',
    shard: 'cityHash64(app, day)',
  },
  names: {
    columns:
      'app String, type UInt8, name String, day UInt32, events AggregateFunction(uniqExact, String, UInt32)',
    engine: 'AggregatingMergeTree()',
    partition: VIEWS_PARTITION,
    order: 'app, type, name, day',
    shard: 'cityHash64(name)',
  },
  /**
   * By identity, of batches with a `batch_id`: the id and times of stored events, so that a retry of a partly
   * stored batch stores the same rows. `told_ts` is `client_ts` + 1, or 0 for none.
   */
  placed: {
    columns: 'batch String, idx UInt32, id UInt64, ts UInt64, told_ts UInt64',
    engine: 'MergeTree()',
    order: 'batch, idx',
    shard: 'cityHash64(batch)',
    granularity: LOOKUP_GRANULARITY,
  },
  /** Complete batches. `base`: app and `batch_id`; an id used again after seven days has a new generation. */
  batches: {
    columns: 'base String, app String, batch_id String, generation UInt32, received_at UInt64',
    engine: 'ReplacingMergeTree(received_at)',
    order: 'base, generation',
    shard: 'cityHash64(base)',
    granularity: LOOKUP_GRANULARITY,
  },
  /** Replay chunks, the bytes as base64; the row with the greatest version is valid. */
  chunks: {
    columns: `
      app String, session_id String, seq UInt32, version UInt64, ts Nullable(UInt64), received_at UInt64,
      size UInt64, bytes String`,
    engine: 'ReplacingMergeTree(version)',
    order: 'app, session_id, seq',
    shard: 'cityHash64(session_id)',
  },
  /** Numbers that only grow: the schema version, the fence, the greatest id that retention deleted. */
  meta: {
    columns: 'name String, value UInt64',
    engine: 'MergeTree()',
    order: 'name',
    shard: 'cityHash64(name)',
  },
  /** Which collector (`token`) has which number, and when it last renewed it. */
  collectors: {
    columns: 'node UInt32, token String, at UInt64',
    engine: 'MergeTree()',
    order: 'node, at',
    shard: 'cityHash64(node)',
  },
  /** How far each collector (`token`) was ahead of the engine's clock, when (`at`, by the engine's). */
  clocks: {
    columns: 'token String, at UInt64, ahead_ms Int64',
    engine: 'MergeTree()',
    order: 'at',
    shard: 'cityHash64(token)',
  },
  /** Erasures that are not done, a row for each time that a collector (`worker`) noted that it carries one out. */
  erasures: {
    columns: 'id String, user_id String, app String, worker String, at UInt64',
    engine: 'MergeTree()',
    order: 'id',
    shard: 'cityHash64(id)',
  },
  audit: {
    columns: 'at UInt64, role String, name String, address String, app String, session_id String',
    engine: 'MergeTree()',
    order: 'at',
    shard: 'cityHash64(at)',
  },
};

export interface Fold {
  select: string;
  where?: string;
  groupBy?: string;
}

/** How events are folded into each view. */
export const FOLDS: Readonly<Record<string, Fold>> = {
  placed: {
    select: 'batch, idx, id, ts, ifNull(client_ts + 1, 0) AS told_ts',
    where: `NOT startsWith(batch, '${MADE_BATCH}')`,
  },
  arrivals: { select: 'id, hour, user_id, app, ts, batch, idx' },
  sessions: {
    select: `app, session_id, intDiv(hour, 24) AS day, minState(ts) AS first_ts, maxState(ts) AS last_ts,
      argMaxState(user_id, (ts, id)) AS last_user, uniqExactState(batch, idx) AS events,
      uniqExactIfState(batch, idx, type = 2) AS errors`,
    groupBy: 'app, session_id, day',
  },
  users: {
    select: `app, user_id, intDiv(hour, 24) AS day, minState(ts) AS first_ts, maxState(ts) AS last_ts,
      groupUniqArrayState(session_id) AS sessions,
      argMaxIfState(concat('=', assumeNotNull(person_name)), (ts, id), isNotNull(person_name)) AS told_name,
      argMaxIfState(concat('=', assumeNotNull(person_email)), (ts, id), isNotNull(person_email)) AS told_email`,
    groupBy: 'app, user_id, day',
  },
  days: {
    select: `app, intDiv(hour, 24) AS day, minState(ts) AS first_ts, maxState(ts) AS last_ts,
      uniqExactState(user_id) AS users, uniqExactIfState(batch, idx, type = 2) AS errors`,
    groupBy: 'app, day',
  },
  names: {
    select: 'app, type, name, intDiv(hour, 24) AS day, uniqExactState(batch, idx) AS events',
    groupBy: 'app, type, name, day',
  },
};
