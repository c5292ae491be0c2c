/** Collectors that are given their port beforehand, since nothing is read of what they write. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../../src/config/config.js';
import { BODY_BYTES_DEFAULT, CHUNK_BYTES_DEFAULT } from '../../src/domain/limits.js';
import { APP, KEY } from './collector.js';

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** As a container has it, but for budgets and floors, which are not what is tested. */
export const configFor = (dataDir: string, port: number): Config => ({
  listen: { host: '127.0.0.1', port },
  dataDir,
  apps: { [APP]: { key: KEY, origins: [] } },
  retention: { replays_days: 0, events_days: 0 },
  auth: { open: false },
  limits: { body_bytes: BODY_BYTES_DEFAULT, chunk_bytes: CHUNK_BYTES_DEFAULT, events_per_minute: 0 },
  disk: { replay_bytes_per_hour: 0, replay_free_bytes: 0, events_free_bytes: 0 },
  log: { level: 'info' },
  store: { engine: 'lmdb' },
});
