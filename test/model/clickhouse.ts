/** ClickHouse as the histories' subject: a database a folder, with ids as the embedded engine gives them. */
import { createHash } from 'node:crypto';
import { openClickhouseStore } from '../../src/clickhouse/store.js';
import { consecutiveIds } from '../support/clickhouse/ids.js';
import type { Subject } from './run.js';

export function clickhouse(engine: { url: string; cluster?: string }): Subject {
  return {
    medium: 'port',
    // A sweep is several statements of the engine's.
    fencesAtOnce: false,
    countsTextBytes: true,
    open: (dataDir, now) =>
      openClickhouseStore({
        ...engine,
        database: databaseOf(dataDir),
        now,
        ids: consecutiveIds,
        trailMs: 0,
      }),
  };
}

function databaseOf(dataDir: string): string {
  return `model_${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`;
}
