/** `npm run soak -- [--minutes N]`: compiles, then runs a collector for an hour and checks that its memory levels off. */
import { spawnSync } from 'node:child_process';
import { ROOT, setup } from './setup.mjs';

const run = (args) => {
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};

await setup({ set: 'all' });
run(['node_modules/typescript/bin/tsc', '-b', 'tsconfig.json']);
run(['dist/test/soak/main.js', ...process.argv.slice(2)]);
