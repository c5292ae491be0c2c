/** `npm run bench -- [--only PART,…] [--events N] [--profile ingest]`: installs the peers, compiles, runs the benchmarks in `bench/`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, setup } from './setup.mjs';

const run = (command, args) => {
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};

await setup({ set: 'all' });
run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'tsconfig.json']);
if (!existsSync(join(ROOT, 'bench/node_modules/better-sqlite3/build'))) {
  // Not `npm ci`: it fails on chdb's libraries for other systems, which the lockfile cannot hold.
  run('npm', ['install', '--no-save', '--prefix', 'bench', '--workspaces=false']);
}
run(process.execPath, ['scripts/clickhouse.mjs']);
run(process.execPath, ['dist/bench/main.js', ...process.argv.slice(2)]);
