/** Which engine the collectors of tests run on: the embedded one, or the ClickHouse that the environment names. */
import { createHash } from 'node:crypto';
import type { ClickhouseTuning } from '../../src/clickhouse/open.js';
import type { Config } from '../../src/config/config.js';
import { consecutiveIds } from './clickhouse/ids.js';

/** One address, or one a shard with commas in between. */
const CLICKHOUSE_URL = process.env.SPYGLASS_TEST_CLICKHOUSE_URL;
const CLUSTER = process.env.SPYGLASS_TEST_CLICKHOUSE_CLUSTER;

/**
 * Ids as the embedded engine gives them, and a stream that does not trail: one collector at a time needs neither. What is made for
 * several is tested with several.
 */
export const TUNING: ClickhouseTuning = { ids: consecutiveIds, trailMs: 0, pollMs: 50 };

/** A data folder is a store: the same one again is the same database. */
export function storeFor(dataDir: string): Config['store'] {
  if (CLICKHOUSE_URL === undefined) return { engine: 'lmdb' };
  return {
    engine: 'clickhouse',
    url: CLICKHOUSE_URL,
    database: `test_${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`,
    ...(CLUSTER === undefined ? {} : { cluster: CLUSTER }),
  };
}
