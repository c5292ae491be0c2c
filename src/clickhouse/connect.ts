/** The way to the engine: its official client, what is asked of the engine with every request, and who is asked next when one is gone. */
import { performance } from 'node:perf_hooks';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { READ_MS_MAX } from '../domain/limits.js';
import { ReadTimeout, StoreFailed } from '../store/port.js';

/** Where the engine is and which of its databases is ours. */
export interface Address {
  /** One address, or several separated by commas: any of them takes any request, and the next is asked when one is gone. */
  url: string;
  database: string;
  /** A cluster of the engine's own configuration: tables are spread over its shards. */
  cluster?: string;
}

export type Params = Readonly<Record<string, unknown>>;

export interface Engine {
  readonly database: string;
  readonly cluster: string | undefined;
  /** Asks within `READ_MS_MAX`, unless told otherwise; throws `ReadTimeout` past it. `{name:Type}` in the text are `params`. */
  query<Row>(sql: string, params?: Params, settings?: ClickHouseSettings): Promise<Row[]>;
  /** Durable on every shard when it settles. */
  insert(table: string, rows: readonly object[]): Promise<void>;
  /** A statement without rows. */
  command(sql: string, params?: Params): Promise<void>;
  /**
   * A statement about the tables that shards hold: on a cluster with a keeper it is passed on to all, where it takes `onCluster` behind the
   * table's name; without one, every address is told.
   */
  everywhere(sql: (onCluster: string) => string, params?: Params): Promise<void>;
  /** Whether a keeper coordinates the cluster: then its tables are replicated. */
  readonly hasKeeper: boolean;
  /** Whether the latest request got an answer. */
  isUp(): boolean;
  close(): Promise<void>;
}

/** The engine cannot be reached, is not ours to use, or its client is not installed; the message is one line for the operator. */
export class ClickhouseUnusable extends Error {
  override name = 'StoreUnusable';
}

/** The engine could not read a row: the fault is the row's, not the engine's. */
export class RowsRefused extends Error {
  override name = 'RowsRefused';
}

/** An insert or a read that takes longer is given up: it may be done all the same. */
const INSERT_MS_MAX = 30_000;
const ANSWER_MS_MAX = 2 * READ_MS_MAX;
/** A statement that rewrites what tables hold may take its time. */
const REQUEST_MS_MAX = 600_000;
const CONNECTIONS = 16;
const TIMEOUT_EXCEEDED = '159';
/** Another server of the cluster, or its keeper, cannot be reached. */
const GONE_ERRORS: ReadonlySet<string> = new Set(['209', '210', '225', '242', '279', '285', '999']);
/** What cannot be parsed, is out of bounds, or not of its column's type. */
const ROW_ERRORS: ReadonlySet<string> = new Set(['6', '26', '27', '53', '69', '72', '117', '321']);

/**
 * What makes a 204 true and an answer whole. Only those that the engine lists are sent to it.
 *
 * Inserts: through a Distributed table the request waits until every shard has its part (`insert_distributed_sync`, today's
 * `distributed_foreground_insert`), on replicas until most have it (`insert_quorum`), and it is never only buffered
 * (`async_insert`). A block that looks like an earlier one is stored again, for the readers know rows by their identity.
 *
 * Reads: a shard that does not answer fails the read (`skip_unavailable_shards`), and so does a replica that lags.
 */
const SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_distributed_sync: 1,
  distributed_foreground_insert: 1,
  insert_deduplicate: 0,
  max_partitions_per_insert_block: '0',
  skip_unavailable_shards: 0,
  fallback_to_stale_replicas_for_distributed_queries: 0,
  load_balancing: 'in_order',
  output_format_json_quote_64bit_integers: 0,
  mutations_sync: '2',
  distributed_ddl_task_timeout: '600',
};
/** For replicas: a row is acknowledged once most replicas of its shard have it. */
const QUORUM: ClickHouseSettings = { insert_quorum: 'auto', insert_quorum_parallel: 1 };

type Client = typeof import('@clickhouse/client');

/** Loads the client, which only those who use this engine have. Throws `ClickhouseUnusable`. */
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

/** Connects to whichever address answers, makes the database where there is none, and learns what the engine knows. Throws `ClickhouseUnusable`. */
export async function connect({ url, database, cluster }: Address): Promise<Engine> {
  const { createClient, ClickHouseError, ClickHouseLogLevel } = await loadClient();
  const urls = url.split(',').map((one) => one.trim());
  const clientOf = (at: string, name?: string): ClickHouseClient =>
    createClient({
      url: at,
      application: 'spyglass',
      request_timeout: REQUEST_MS_MAX,
      max_open_connections: CONNECTIONS,
      log: { level: ClickHouseLogLevel.OFF },
      ...(name === undefined ? {} : { database: name }),
    });

  const { known, keeper } = await firstAnswer(urls.map((at) => () => begin(clientOf(at), database)));
  const hasKeeper = keeper && cluster !== undefined;
  const settings = pick({ ...SETTINGS, ...(cluster === undefined ? {} : QUORUM) }, known);
  const clients = urls.map((at) => clientOf(at, database));
  const { ask, isUp } = openAsking(clients, ClickHouseError);

  const run = async (client: ClickHouseClient, sql: string, params: Params): Promise<void> => {
    await client.command({
      query: sql,
      query_params: { ...params },
      clickhouse_settings: { ...settings, wait_end_of_query: 1 },
    });
  };

  return {
    database,
    cluster,
    query: (sql, params = {}, extra = {}) =>
      ask(async (client) => {
        const result = await client.query({
          query: sql,
          query_params: { ...params },
          format: 'JSONEachRow',
          ...(extra.max_execution_time === undefined
            ? { abort_signal: AbortSignal.timeout(ANSWER_MS_MAX) }
            : {}),
          clickhouse_settings: {
            ...settings,
            wait_end_of_query: 1,
            max_execution_time: READ_MS_MAX / 1_000,
            ...pick(extra, known),
          },
        });
        return (await result.json()) as never;
      }),
    insert: (table, rows) =>
      ask(async (client) => {
        await client.insert({
          table,
          values: rows,
          format: 'JSONEachRow',
          abort_signal: AbortSignal.timeout(INSERT_MS_MAX),
          columns: Object.keys(rows[0] ?? {}) as [string, ...string[]],
          clickhouse_settings: { ...settings, wait_end_of_query: 1 },
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

/** Asks one address after the other while nothing answers; what the engine itself says is final. */
function openAsking(
  clients: readonly ClickHouseClient[],
  ClickHouseError: Client['ClickHouseError'],
): Pick<Engine, 'isUp'> & { ask<T>(request: (client: ClickHouseClient) => Promise<T>): Promise<T> } {
  let first = 0;
  let up = true;

  const ask = async <T>(request: (client: ClickHouseClient) => Promise<T>): Promise<T> => {
    const start = performance.now();
    let failure: unknown;
    // Once more than there are addresses: a connection that idled may be gone on the other side already.
    for (let tried = 0; tried <= clients.length; tried++) {
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
          if (GONE_ERRORS.has(error.code)) throw new StoreFailed('a shard does not answer', { cause: error });
          if (ROW_ERRORS.has(error.code)) throw new RowsRefused(error.message, { cause: error });
          throw error;
        }
        failure = error;
        if (performance.now() - start >= ANSWER_MS_MAX) break; // who waited has waited enough
      }
    }
    up = false;
    throw new StoreFailed('ClickHouse does not answer', { cause: failure });
  };
  return { ask, isUp: () => up };
}

/** Makes sure of the database, and tells which settings the engine has, and whether a keeper. */
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

/** Tries every address, so that each that is there has the database; settles with what the first one said. */
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
