/** One command gives every package the next version, and the changelog a section of it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';

const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] };

/** What the command reads and writes, in a folder of its own. */
function copy(t: Test, changelog: string) {
  const root = t.testdir({ 'CHANGELOG.md': changelog });
  const files = [
    'scripts',
    'package-lock.json',
    'package.json',
    ...workspaces.map((folder) => `${folder}/package.json`),
  ];
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    cpSync(file, join(root, file), { recursive: true });
  }
  const run = (script: string, ...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [`scripts/${script}.mjs`, ...args], {
      cwd: root,
      encoding: 'utf8',
    });
    return { status, stderr };
  };
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  return { root, run, read };
}

const CHANGELOG = `# Changelog

## [Unreleased]

### Added

- Something.

## [0.1.0] - 2026-01-01

- The first.
`;

t.test('every version is the next one, and what was unreleased is its section', async (t) => {
  const { run, read } = copy(t, CHANGELOG);
  t.match(run('bump', '12.3.4'), { status: 0 });
  for (const folder of ['.', ...workspaces]) {
    const { version } = JSON.parse(read(`${folder}/package.json`));
    t.ok(version === undefined || version === '12.3.4', folder);
  }
  const lock = JSON.parse(read('package-lock.json'));
  t.equal(lock.version, '12.3.4');
  for (const folder of ['', 'sdk', 'dashboard']) t.equal(lock.packages[folder].version, '12.3.4', folder);
  t.match(
    read('CHANGELOG.md'),
    /^## \[Unreleased\]\n\n## \[12\.3\.4\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- Something\.\n\n## \[0\.1\.0\]/m,
  );
});

t.test('nothing but the versions changes', async (t) => {
  const { run, read } = copy(t, CHANGELOG);
  const { version } = JSON.parse(read('package.json'));
  run('bump', '12.3.4');
  for (const file of ['package.json', 'package-lock.json', 'sdk/package.json']) {
    t.equal(read(file).replaceAll('"12.3.4"', `"${version}"`), readFileSync(file, 'utf8'), file);
  }
});

t.test('a version that says nothing new, or is none, is refused and changes nothing', async (t) => {
  const { run, read, root } = copy(t, CHANGELOG);
  const before = read('package.json');
  for (const args of [[], ['v1.2.3'], ['1.2']])
    t.match(run('bump', ...args), { status: 1, stderr: 'npm run bump' });
  writeFileSync(join(root, 'CHANGELOG.md'), CHANGELOG.replace(/### Added\n\n- Something\.\n\n/, ''));
  t.match(run('bump', '1.2.3'), { status: 1, stderr: 'nothing under Unreleased' });
  t.equal(read('package.json'), before);
});

t.test('a tag that is not the version is not packed', async (t) => {
  const { run } = copy(t, CHANGELOG);
  t.match(run('pack', 'v99.0.0'), { status: 1, stderr: 'v99.0.0 is not v' });
});
