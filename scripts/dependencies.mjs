/**
 * Checks the dependencies that a collector runs with: no known vulnerability that is high or critical (`npm audit`), and the size of an
 * installation without development tools. Prints a line for each, `ok - …` or `not ok - …`; exits 1 if one is not ok.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './setup.mjs';

/** The limit for what `npm ci --omit=dev` installs. */
const INSTALLED_BYTES_MAX = 48 * 1_048_576;
const MANIFESTS = ['package.json', 'package-lock.json', '.npmrc'].concat(
  ['client', 'dashboard', 'sdk', 'test'].map((workspace) => `${workspace}/package.json`),
);

const lines = [audit(), size()];
for (const line of lines) console.log(line);
process.exitCode = lines.some((line) => line.startsWith('not ok')) ? 1 : 0;

/** Without an answer of the registry it prints a warning, neither `ok` nor `not ok`. */
function audit() {
  const { stdout } = npm(['audit', '--omit=dev', '--audit-level=high', '--json'], ROOT);
  const found = parse(stdout)?.metadata?.vulnerabilities;
  if (found === undefined) {
    const why = parse(stdout)?.message ?? parse(stdout)?.error?.summary ?? 'no answer';
    return `# NOT AUDITED: the registry did not answer \`npm audit\` (${String(why).split('\n', 1)[0]})`;
  }
  const bad = found.high + found.critical;
  return `${bad === 0 ? 'ok' : 'not ok'} - npm audit: ${bad} findings that are high or critical, of ${found.total} in all`;
}

/** Installs what the collector runs with into a temporary folder, and measures it. */
function size() {
  const folder = mkdtempSync(join(tmpdir(), 'spyglass-size-'));
  try {
    for (const file of MANIFESTS) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      copyFileSync(join(ROOT, file), join(folder, file));
    }
    const args = [
      'ci',
      '--omit=dev',
      '--workspaces=false',
      '--prefer-offline',
      '--engine-strict=false',
      '--loglevel=error',
    ];
    const { status, stderr } = npm(args, folder);
    if (status !== 0) return `not ok - npm ci --omit=dev: ${stderr.trim().slice(-600)}`;
    const { bytes, files } = sizeOf(join(folder, 'node_modules'));
    const packages = packagesIn(folder).length;
    const isOk = bytes <= INSTALLED_BYTES_MAX;
    return `${isOk ? 'ok' : 'not ok'} - npm ci --omit=dev: ${(bytes / 1_048_576).toFixed(1)} MiB, ${packages} packages, ${files} files`;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The names of the installed packages, with those in scopes. */
function packagesIn(folder) {
  const names = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  return names.flatMap((name) =>
    name.startsWith('@')
      ? readdirSync(join(folder, 'node_modules', name)).map((inner) => `${name}/${inner}`)
      : [name],
  );
}

function sizeOf(folder) {
  let bytes = 0;
  let files = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name)).size;
    files += 1;
  }
  return { bytes, files };
}

function npm(args, cwd) {
  return spawnSync('npm', args, { cwd, encoding: 'utf8', shell: process.platform === 'win32' });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
