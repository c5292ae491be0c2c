/** `npm run torture -- [--cycles N] [--seed S]`: compiles, then kills a collector again and again, with an audit each time. */
import { spawnSync } from 'node:child_process';
import { ROOT, setup } from './setup.mjs';

const run = (args) => {
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};

await setup({ set: 'all' });
run(['node_modules/typescript/bin/tsc', '-b', 'tsconfig.json']);
run(['dist/test/torture/main.js', ...process.argv.slice(2)]);
