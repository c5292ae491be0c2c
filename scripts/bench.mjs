/** `npm run bench -- [--only PART,…] [--events N] [--profile ingest]`: installs the peers, compiles, runs the benchmarks in `bench/`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compile, runNode } from './compiled.mjs';
import { ROOT } from './setup.mjs';

await compile();
if (!existsSync(join(ROOT, 'bench/node_modules/better-sqlite3/build'))) {
  // Not `npm ci`: it fails on chdb's libraries for other systems, which the lockfile cannot hold.
  const args = ['install', '--no-save', '--prefix', 'bench', '--workspaces=false'];
  const { status } = spawnSync('npm', args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
runNode('scripts/clickhouse.mjs');
runNode('dist/bench/main.js', ...process.argv.slice(2));
