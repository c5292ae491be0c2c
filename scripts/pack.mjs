/**
 * `npm run pack -- [v1.2.0]`: makes the tarballs of the packages that npm gets in `dist/packages/`, with their checksums and the
 * release's notes. A tag that is not the version is refused.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sections } from './changelog.mjs';
import { compile } from './compiled.mjs';
import { ROOT } from './setup.mjs';

const PACKAGES = ['sdk', 'client'];
const TARGET = join(ROOT, 'dist/packages');

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const [tag = `v${version}`] = process.argv.slice(2);
const section = sections().find((one) => one.version === version);
if (tag !== `v${version}` || (process.argv.length > 2 && !section)) {
  console.error(`${tag} is not v${version}, or CHANGELOG.md does not have it: \`npm run bump\` makes both`);
  process.exit(1);
}
await compile();
rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET, { recursive: true });
for (const folder of PACKAGES.filter((name) => existsSync(join(ROOT, name, 'package.json')))) {
  execFileSync('npm', ['pack', '--workspace', folder, '--pack-destination', TARGET], {
    cwd: ROOT,
    stdio: 'inherit',
  });
}
const sums = readdirSync(TARGET)
  .sort()
  .map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(TARGET, name)))
        .digest('hex')}  ${name}\n`,
  );
writeFileSync(join(TARGET, 'SHA256SUMS'), sums.join(''));
writeFileSync(join(TARGET, 'NOTES.md'), `${section?.text ?? ''}\n`);
