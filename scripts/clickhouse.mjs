/** Installs the ClickHouse that tests run in process, some 550 MB, if it is missing. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HOME = join(dirname(dirname(fileURLToPath(import.meta.url))), 'test', 'clickhouse');

if (!existsSync(join(HOME, 'node_modules/chdb'))) {
  // Not `npm ci`: it fails on the libraries for other systems, which the lockfile cannot hold.
  const { status } = spawnSync(
    'npm',
    ['install', '--no-save', '--no-audit', '--no-fund', '--workspaces=false'],
    {
      cwd: HOME,
      stdio: 'inherit',
    },
  );
  process.exitCode = status ?? 1;
}
