/** `node scripts/bench-compare.mjs [BASE]`: builds that commit beside this tree and compares both on the core rows, interleaved. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, setup } from './setup.mjs';

const run = (command, args, cwd = ROOT) => {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  return status ?? 1;
};

const base = process.argv[2] ?? 'main';
const folder = mkdtempSync(join(tmpdir(), 'spyglass-base-'));
const tree = join(folder, 'tree');
const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
await setup({ set: 'all' });
mkdirSync(tree);
try {
  let status = run('git', ['archive', '--output', `${tree}.tar`, base]);
  status ||= run('tar', ['-xf', `${tree}.tar`, '-C', tree]);
  const isSameLock = run('git', ['diff', '--quiet', base, '--', 'package-lock.json']) === 0;
  if (status === 0 && isSameLock) symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  else status ||= run('npm', ['ci', '--no-audit', '--no-fund'], tree);
  status ||= run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', 'built'], tree);
  status ||= run(process.execPath, [tsc, '-b', 'tsconfig.json']);
  status ||= run(process.execPath, ['dist/bench/compare.js', tree, join(tree, 'built')]);
  process.exitCode = status;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
