/** What is installed is what was looked at: exact versions, a lock file that knows each package by its digest, few of them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const ROOT = join(import.meta.dirname, '../../..');
/** Packages the server brings along, direct or not, one for each platform's binary apart. */
const SERVER_PACKAGES_MAX = 80;
const DIRECT_MAX = 8;

type Versions = Record<string, string>;
interface Manifest {
  dependencies?: Versions;
  devDependencies?: Versions;
  optionalDependencies?: Versions;
  overrides?: Versions;
}
interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  link?: boolean;
}
const readJson = <T>(file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as T;
const manifests = [
  'package.json',
  'sdk/package.json',
  'dashboard/package.json',
  'test/package.json',
  'bench/package.json',
  'client/package.json',
  'src/clickhouse/package.json',
  'test/clickhouse/package.json',
];

t.test('every version is exact', async (t) => {
  for (const file of manifests) {
    const { dependencies, devDependencies, optionalDependencies, overrides } = readJson<Manifest>(file);
    const all = { ...dependencies, ...devDependencies, ...optionalDependencies, ...overrides };
    for (const [name, version] of Object.entries(all))
      t.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${file}: ${name}`);
  }
});

t.test('every manifest is looked at', async (t) => {
  let listed: string;
  try {
    listed = execFileSync('git', ['ls-files', '--', 'package.json', '*/package.json'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
  } catch {
    t.comment('no git here, or no repository');
    return t.pass();
  }
  t.same(listed.trim().split('\n').sort(), [...manifests].sort());
});

t.test('the lock file has a digest of each package, and none from elsewhere', async (t) => {
  const { packages } = readJson<{ packages: Record<string, Locked> }>('package-lock.json');
  const installed = Object.entries(packages).filter(
    ([path, entry]) => path.includes('node_modules/') && !entry.link,
  );
  t.ok(installed.length > 100);
  for (const [path, { integrity, resolved = '' }] of installed) {
    t.match(integrity, /^sha512-/, path);
    t.notMatch(resolved, /^(git|file|http:)/, path);
  }
  const server = installed.filter(([, { dev, optional }]) => !dev && !optional);
  t.ok(server.length <= SERVER_PACKAGES_MAX, `${server.length} packages in production`);
  const { dependencies = {} } = readJson<Manifest>('package.json');
  t.ok(Object.keys(dependencies).length <= DIRECT_MAX);
});
