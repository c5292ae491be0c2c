/** `npm run bump -- 1.2.0`: gives every package that version, and what is unreleased in CHANGELOG.md too. Commit and tag come after. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { release } from './changelog.mjs';
import { ROOT } from './setup.mjs';

const [version = ''] = process.argv.slice(2);
const edit = (file, change) => {
  const path = join(ROOT, file);
  const json = JSON.parse(readFileSync(path, 'utf8'));
  change(json);
  writeFileSync(path, `${JSON.stringify(json, null, 2)}\n`);
};
/** Packages that nobody versions have none. */
const setVersion = (json) => {
  if (json.version !== undefined) json.version = version;
};

try {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new Error('npm run bump -- 1.2.0');
  release(version);
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const folder of ['.', ...workspaces]) edit(`${folder}/package.json`, setVersion);
  edit('package-lock.json', (lock) => {
    setVersion(lock);
    for (const folder of ['', ...workspaces]) setVersion(lock.packages[folder]);
  });
  console.log(`git commit --all --message "Release ${version}" && git tag v${version}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
