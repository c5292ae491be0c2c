/** `node scripts/bench-compare.mjs [BASE]`: builds that commit beside this tree and compares both on the core rows, interleaved. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from './compiled.mjs';
import { ROOT } from './setup.mjs';

const run = (command, args, cwd = ROOT) => execFileSync(command, args, { cwd, stdio: 'inherit' });

const base = process.argv[2] ?? 'main';
const folder = mkdtempSync(join(tmpdir(), 'spyglass-base-'));
const tree = join(folder, 'tree');
const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
await compile();
mkdirSync(tree);
try {
  run('git', ['archive', '--output', `${tree}.tar`, base]);
  run('tar', ['-xf', `${tree}.tar`, '-C', tree]);
  const { status } = spawnSync('git', ['diff', '--quiet', base, '--', 'package-lock.json'], { cwd: ROOT });
  if (status === 0) symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  else run('npm', ['ci', '--no-audit', '--no-fund'], tree);
  run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', 'built'], tree);
  run(process.execPath, ['dist/bench/compare.js', tree, join(tree, 'built')]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
