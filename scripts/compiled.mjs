/** `node scripts/compiled.mjs FILE [ARGUMENT…]`: installs what is missing, compiles, and runs a compiled program. */
import { spawnSync } from 'node:child_process';
import { ROOT, setup } from './setup.mjs';

/** Installs the tools, and compiles the server, the tests and the benchmarks. Ends the process where that fails. */
export async function compile() {
  await setup({ set: 'all' });
  runNode('node_modules/typescript/bin/tsc', '-b', 'tsconfig.json');
}

/** Runs a program of Node's in the root, and ends the process with its exit code unless that is 0. */
export function runNode(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

if (process.argv[1] === import.meta.filename) {
  await compile();
  runNode(...process.argv.slice(2));
}
