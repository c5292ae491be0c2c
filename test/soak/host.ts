/**
 * A collector in a process of its own whose days pass when the parent says so: on the message `day` the clock of its main thread
 * moves on by one, and what is past its retention is swept. `SPYGLASS_SOAK_LEAK` breaks it on purpose: `memory` keeps
 * some of it each day, `disk` never sweeps.
 */
import { pino } from 'pino';
import { startCollector } from '../../src/cli/collector.js';
import { cutoffsAt } from '../../src/cli/sweeping.js';
import type { Config } from '../../src/config/config.js';
import { DAY_MS } from '../../src/domain/limits.js';

const LEAK_BYTES = 6 * 1_048_576;
const { SPYGLASS_SOAK_CONFIG: given = '', SPYGLASS_SOAK_LEAK: leak } = process.env;
const config = JSON.parse(given) as Config;
const wall = Date.now;
const kept: Buffer[] = [];
let ahead = 0;
Date.now = () => wall() + ahead;

const collector = await startCollector(config, pino({ level: 'warn' }, pino.destination(2)));
process.on('message', async (message) => {
  if (message === 'end') {
    await collector.close();
    process.exit(0);
  }
  ahead += DAY_MS;
  if (leak === 'memory') kept.push(Buffer.alloc(LEAK_BYTES, kept.length + 1));
  if (leak !== 'disk') await collector.store.sweep(cutoffsAt(config.retention, Date.now()));
  process.send?.({ now: Date.now() });
});
process.send?.({ url: collector.url });
