/** Measures a second start, with everything installed and compiled: from `npm start` to the first 200 of `/readyz`. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, type Row, spread } from './report.js';
import { freePort, startFlags } from './servers.js';

const STARTS = 7;
const PROBE_MS = 5;

/** The commands, by their names in the table. */
const COMMANDS: Record<string, [command: string, ...args: string[]]> = {
  'npm start to ready': ['npm', 'start', '--'],
  'node scripts/start.mjs to ready': [process.execPath, ...startFlags('.'), 'scripts/start.mjs'],
};

/** Uses a configuration and a store in `folder`, not those of the repository. */
export async function benchStart(folder: string, say: (line: string) => void): Promise<Row[]> {
  const home = mkdtempSync(join(folder, 'start-'));
  const port = await freePort();
  const config = join(home, 'spyglass.config.json');
  const apps = { inventory: { key: 'sg_live_bench' } };
  writeFileSync(config, JSON.stringify({ listen: `127.0.0.1:${port}`, dataDir: './data', apps }));
  const rows: Row[] = [];
  for (const [name, [command, ...args]] of Object.entries(COMMANDS)) {
    say(`${name}: ${STARTS} starts …`);
    const times: number[] = [];
    // The first start creates the store and warms the disk's cache.
    for (let start = 0; start <= STARTS; start++) {
      const took = await timeStart(command, [...args, '--config', config], `http://127.0.0.1:${port}/readyz`);
      if (start > 0) times.push(took);
    }
    rows.push({ name, value: median(times), unit: 'ms', spread: spread(times), goal: { below: 1_000 } });
  }
  rmSync(home, { recursive: true, force: true });
  return rows;
}

async function timeStart(command: string, args: readonly string[], readyz: string): Promise<number> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const isReady = () =>
    fetch(readyz).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (child.exitCode !== null)
      throw new Error(`${command} ended with ${child.exitCode} before it was ready`);
    await sleep(PROBE_MS);
  }
  const took = performance.now() - start;
  // The whole process group, since npm may be the parent.
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  await ended;
  return took;
}
