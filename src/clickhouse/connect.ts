/** The connection to the engine: its official client, the settings of each request, and failover. */
import { performance } from 'node:perf_hooks';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { READ_MS_MAX } from '../domain/limits.js';
import { ReadCancelled, ReadTimeout, StoreFailed } from '../store/port.js';
import { PARTITIONS_MAX } from './partitions.js';

/** Where the engine is and which of its databases is ours. */
export interface Address {
  /** One address, or several separated by commas; each takes any request, and stands in for the others. */
  url: string;
  database: string;
  /** A cluster of the engine's configuration: tables are spread over its shards. */
  cluster?: string;
}

export type Params = Readonly<Record<string, unknown>>;

export interface Engine {
  readonly database: string;
  readonly cluster: string | undefined;
  /**
   * `{name:Type}` in the text are `params`. Throws `ReadTimeout` after `READ_MS_MAX` by default, and
   * `ReadCancelled` once the signal aborts; the engine stops then, too.
   */
  query<Row>(
    sql: string,
    params?: Params,
    settings?: ClickHouseSettings,
    signal?: AbortSignal,
  ): Promise<Row[]>;
  /** Durable on every shard when it settles. */
  insert(table: string, rows: readonly object[]): Promise<void>;
  /** A statement without rows. */
  command(sql: string, params?: Params): Promise<void>;
  /**
   * A statement about the shards' own tables. A keeper passes it on to the cluster: `onCluster` goes behind
   * the table's name. Without one, every address is sent the statement.
   */
  everywhere(sql: (onCluster: string) => string, params?: Params): Promise<void>;
  /** Whether a keeper coordinates the cluster: then its tables are replicated. */
  readonly hasKeeper: boolean;
  /** Whether the latest request got an answer. */
  isUp(): boolean;
  close(): Promise<void>;
}

/** The same engine, whose queries end when a signal aborts. */
export const until = (signal: AbortSignal, engine: Engine): Engine => ({
  ...engine,
  query: (sql, params, settings) => engine.query(sql, params, settings, signal),
});

/** The engine cannot be used, or its client is not installed; the message is one line for the operator. */
export class ClickhouseUnusable extends Error {
  override name = 'StoreUnusable';
}

/** The engine refused a row; it works otherwise. */
export class RowsRefused extends Error {
  override name = 'RowsRefused';
}

/** Longer inserts and reads are given up; the engine may finish them all the same. */
const INSERT_MS_MAX = 30_000;
const ANSWER_MS_MAX = 2 * READ_MS_MAX;
/** A statement that rewrites tables may take long. */
const REQUEST_MS_MAX = 600_000;
const CONNECTIONS = 16;
const TIMEOUT_EXCEEDED = '159';
/** More rows or bytes than the statement may give. */
const RESULT_TOO_LARGE = '396';
/** Another server of the cluster, or its keeper, cannot be reached. */
const GONE_ERRORS: ReadonlySet<string> = new Set(['209', '210', '225', '242', '279', '285', '999']);
/** A value that cannot be parsed, is out of bounds, or has the wrong type. */
const ROW_ERRORS: ReadonlySet<string> = new Set(['6', '26', '27', '53', '69', '72', '117', '321']);

/**
 * What makes inserts durable and answers complete. Only settings that the engine lists are sent to it.
 *
 * An insert waits until every shard has its part (`insert_distributed_sync`, today
 * `distributed_foreground_insert`) and most replicas have it (`insert_quorum`); nothing is buffered
 * (`async_insert`). A block equal to an earlier one is stored again. A shard that does not answer, or a
 * replica that lags, fails a read.
 */
const SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_distributed_sync: 1,
  distributed_foreground_insert: 1,
  insert_deduplicate: 0,
  skip_unavailable_shards: 0,
  fallback_to_stale_replicas_for_distributed_queries: 0,
  load_balancing: 'in_order',
  output_format_json_quote_64bit_integers: 0,
  mutations_sync: '2',
  distributed_ddl_task_timeout: '600',
};
const CANCEL = 'cancel_http_readonly_queries_on_client_close';
/** For reads: one whose connection was closed ends. The engine does that only where nothing can be written. */
const ENDS_WITH_ITS_READER: ClickHouseSettings = { readonly: '2', [CANCEL]: 1 };
/** Rows that come from outside. */
const ROWS_FROM_OUTSIDE: ClickHouseSettings = { max_partitions_per_insert_block: String(PARTITIONS_MAX) };
/** A fold reads its rows from our tables: as many partitions as these have. */
const ROWS_OF_OURS: ClickHouseSettings = { max_partitions_per_insert_block: '0' };
/** For replicas: a row is acknowledged once most replicas of its shard have it. */
const QUORUM: ClickHouseSettings = { insert_quorum: 'auto', insert_quorum_parallel: 1 };

type Client = typeof import('@clickhouse/client');

/** Throws `ClickhouseUnusable` where the client is not installed. */
async function loadClient(): Promise<Client> {
  try {
    return await import('@clickhouse/client');
  } catch (error) {
    throw new ClickhouseUnusable(
      'the client of ClickHouse is not installed: `npm start` installs it, or `npm ci --workspace=clickhouse --include-workspace-root`',
      { cause: error },
    );
  }
}

function openClient(
  { createClient, ClickHouseLogLevel }: Client,
  url: string,
  database?: string,
): ClickHouseClient {
  return createClient({
    url,
    application: 'spyglass',
    request_timeout: REQUEST_MS_MAX,
    max_open_connections: CONNECTIONS,
    log: { level: ClickHouseLogLevel.OFF },
    ...(database === undefined ? {} : { database }),
  });
}

/** Connects, and creates the database where there is none. Throws `ClickhouseUnusable`. */
export async function connect({ url, database, cluster }: Address): Promise<Engine> {
  const library = await loadClient();
  const urls = url.split(',').map((one) => one.trim());
  const { known, keeper } = await firstAnswer(
    urls.map((at) => () => begin(openClient(library, at), database)),
  );
  const hasKeeper = keeper && cluster !== undefined;
  const settings = {
    ...pick({ ...SETTINGS, ...(cluster === undefined ? {} : QUORUM) }, known),
    wait_end_of_query: 1 as const,
  };
  const clients = urls.map((at) => openClient(library, at, database));
  const { ask, isUp } = openAsking(clients, library.ClickHouseError);

  const run = async (client: ClickHouseClient, sql: string, params: Params): Promise<void> => {
    await client.command({
      query: sql,
      query_params: { ...params },
      clickhouse_settings: { ...settings, ...pick(ROWS_OF_OURS, known) },
    });
  };

  return {
    database,
    cluster,
    query: (sql, params = {}, extra = {}, signal = undefined) =>
      ask(async (client) => {
        const late = extra.max_execution_time === undefined ? [AbortSignal.timeout(ANSWER_MS_MAX)] : [];
        const result = await client.query({
          query: sql,
          query_params: { ...params },
          format: 'JSONEachRow',
          abort_signal: AbortSignal.any([...late, ...(signal ? [signal] : [])]),
          clickhouse_settings: {
            ...settings,
            ...(known.has(CANCEL) ? ENDS_WITH_ITS_READER : {}),
            max_execution_time: READ_MS_MAX / 1_000,
            ...pick(extra, known),
          },
        });
        return (await result.json()) as never;
      }, signal),
    insert: (table, rows) =>
      ask(async (client) => {
        await client.insert({
          table,
          values: rows,
          format: 'JSONEachRow',
          abort_signal: AbortSignal.timeout(INSERT_MS_MAX),
          columns: Object.keys(rows[0] ?? {}) as [string, ...string[]],
          clickhouse_settings: { ...settings, ...pick(ROWS_FROM_OUTSIDE, known) },
        });
      }),
    command: (sql, params = {}) => ask((client) => run(client, sql, params)),
    async everywhere(sql, params = {}) {
      if (hasKeeper) await ask((client) => run(client, sql(`ON CLUSTER ${cluster}`), params));
      else for (const client of clients) await run(client, sql(''), params);
    },
    hasKeeper,
    isUp,
    async close() {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

/** Asks one address after the other until one answers; an error of the engine is final. */
function openAsking(
  clients: readonly ClickHouseClient[],
  ClickHouseError: Client['ClickHouseError'],
): Pick<Engine, 'isUp'> & {
  ask<T>(request: (client: ClickHouseClient) => Promise<T>, signal?: AbortSignal): Promise<T>;
} {
  let first = 0;
  let up = true;

  const ask = async <T>(
    request: (client: ClickHouseClient) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    const start = performance.now();
    let failure: unknown;
    // One try more than addresses: an idle connection may be closed on the other side already.
    for (let tried = 0; tried <= clients.length; tried++) {
      if (signal?.aborted) throw new ReadCancelled('nobody waits for it');
      const at = (first + tried) % clients.length;
      try {
        const answer = await request(clients[at] as ClickHouseClient);
        up = true;
        first = at;
        return answer;
      } catch (error) {
        if (error instanceof ClickHouseError) {
          up = true;
          if (error.code === TIMEOUT_EXCEEDED) throw new ReadTimeout(`over ${READ_MS_MAX} ms`);
          if (error.code === RESULT_TOO_LARGE) throw new ReadTimeout('more than a read may hold');
          if (GONE_ERRORS.has(error.code)) throw new StoreFailed('a shard does not answer', { cause: error });
          if (ROW_ERRORS.has(error.code)) throw new RowsRefused(error.message, { cause: error });
          throw error;
        }
        if (signal?.aborted) throw new ReadCancelled('nobody waits for it', { cause: error });
        failure = error;
        if (performance.now() - start >= ANSWER_MS_MAX) break; // who waited has waited enough
      }
    }
    up = false;
    throw new StoreFailed('ClickHouse does not answer', { cause: failure });
  };
  return { ask, isUp: () => up };
}

/** Creates the database where there is none; returns the engine's settings, and whether it has a keeper. */
async function begin(
  client: ClickHouseClient,
  database: string,
): Promise<{ known: ReadonlySet<string>; keeper: boolean }> {
  try {
    const names = async (query: string): Promise<string[]> => {
      const rows = await (await client.query({ query, format: 'JSONEachRow' })).json<{ name: string }>();
      return rows.map(({ name }) => name);
    };
    const databases = await names('SELECT name FROM system.databases');
    if (!databases.includes(database))
      await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
    const keeper = await names(
      "SELECT name FROM system.tables WHERE database = 'system' AND name = 'zookeeper'",
    );
    return { known: new Set(await names('SELECT name FROM system.settings')), keeper: keeper.length > 0 };
  } finally {
    await client.close();
  }
}

/** Tries every address, so that each has the database; returns the answer of the first. */
async function firstAnswer<T>(tries: readonly (() => Promise<T>)[]): Promise<T> {
  const settled = await Promise.allSettled(tries.map((one) => one()));
  const answer = settled.find((one) => one.status === 'fulfilled');
  if (answer) return answer.value;
  const [failed] = settled;
  const reason = failed?.status === 'rejected' ? (failed.reason as Error) : undefined;
  throw new ClickhouseUnusable(`ClickHouse cannot be asked: ${reason?.message ?? 'no address'}`, {
    cause: reason,
  });
}

function pick(settings: ClickHouseSettings, known: ReadonlySet<string>): ClickHouseSettings {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => known.has(name)));
}
