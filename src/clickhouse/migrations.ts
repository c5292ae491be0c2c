/** Brings the database to this release's schema: creates what is missing, and records the version last. */
import { ClickhouseUnusable, type Engine } from './connect.js';
import { FOLDS, type Fold, TABLES } from './schema.js';
import { queryNumber } from './sql.js';

/** What each version adds to the one before it; append only. All statements are idempotent. */
const VERSIONS: readonly ((engine: Engine) => Promise<void>)[] = [createAll, createAll];

/** Settings that sync files and folder before an insert is acknowledged. */
const DURABLE = ['fsync_after_insert', 'fsync_part_directory'];

/** Throws `ClickhouseUnusable` for a database whose schema is of a newer release. */
export async function migrate(engine: Engine): Promise<void> {
  const recorded = await versionOf(engine);
  if (recorded > VERSIONS.length) {
    throw new ClickhouseUnusable(
      `database ${engine.database} has schema ${recorded}; this release knows up to ${VERSIONS.length}: run a newer spyglass`,
    );
  }
  if (recorded === VERSIONS.length) return;
  for (const [index, version] of VERSIONS.entries()) {
    if (index < recorded) continue;
    await version(engine);
    await engine.insert('meta', [{ name: 'schema', value: index + 1 }]);
  }
}

/** The name of the table that holds a shard's own rows. */
export const localTable = (engine: Pick<Engine, 'cluster'>, table: string): string =>
  engine.cluster === undefined ? table : `${table}_local`;

async function versionOf(engine: Engine): Promise<number> {
  const tables = await engine.query<{ name: string }>(
    'SELECT name FROM system.tables WHERE database = {database:String}',
    { database: engine.database },
  );
  if (!tables.some(({ name }) => name === 'meta')) return 0;
  return queryNumber(engine, "SELECT max(value) FROM meta WHERE name = 'schema'");
}

/** The settings that make an insert durable, as far as the engine has them. */
async function tableSettings(engine: Engine): Promise<string> {
  const known = await engine.query<{ name: string }>('SELECT name FROM system.merge_tree_settings');
  const durable = known.filter(({ name }) => DURABLE.includes(name)).map(({ name }) => `${name} = 1`);
  return durable.map((setting) => `, ${setting}`).join('');
}

/** A table's engine; with a keeper, the replicated kind of it. */
function engineOf({ hasKeeper, database }: Engine, table: string, plain: string): string {
  if (!hasKeeper) return plain;
  const [, kind, version] = /^(\w+)\((.*)\)$/.exec(plain) ?? [];
  const path = `'/clickhouse/tables/{shard}/${database}/${table}'`;
  return `Replicated${kind}(${[path, "'{replica}'", ...(version ? [version] : [])].join(', ')})`;
}

async function createAll(engine: Engine): Promise<void> {
  const { database, cluster } = engine;
  const settings = await tableSettings(engine);
  if (engine.hasKeeper) await engine.everywhere((on) => `CREATE DATABASE IF NOT EXISTS ${database} ${on}`);
  for (const [name, table] of Object.entries(TABLES)) {
    const { columns, engine: plain, partition, order, shard, granularity = 8_192 } = table;
    const local = localTable(engine, name);
    const partitioned = partition === undefined ? '' : `PARTITION BY ${partition}`;
    await engine.everywhere(
      (on) => `CREATE TABLE IF NOT EXISTS ${database}.${local} ${on} (${columns})
        ENGINE = ${engineOf(engine, local, plain)} ${partitioned} ORDER BY (${order})
        SETTINGS index_granularity = ${granularity}${settings}`,
    );
    if (cluster === undefined) continue;
    await engine.everywhere(
      (on) => `CREATE TABLE IF NOT EXISTS ${database}.${name} ${on} (${columns})
        ENGINE = Distributed(${cluster}, ${database}, ${local}, ${shard})`,
    );
  }
  for (const table of Object.keys(FOLDS)) {
    const fold = foldOf(table, `${database}.${localTable(engine, 'events')}`);
    await engine.everywhere(
      (on) => `CREATE MATERIALIZED VIEW IF NOT EXISTS ${database}.${table}_fold ${on}
        TO ${database}.${localTable(engine, table)} AS ${fold}`,
    );
  }
}

/** The SELECT that folds the events of a table, all or those that meet a condition. */
export function foldOf(table: string, events: string, condition?: string): string {
  const { select, where, groupBy } = FOLDS[table] as Fold;
  const conditions = [where, condition].filter((one) => one !== undefined);
  return [
    `SELECT ${select} FROM ${events}`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(' AND ')}`]),
    ...(groupBy === undefined ? [] : [`GROUP BY ${groupBy}`]),
  ].join(' ');
}
