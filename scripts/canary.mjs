/**
 * `npm run canary`: breaks the compiled collector on purpose, one guarantee at a time, and runs the test of the guarantee, which must
 * fail. `npm run canary -- WORD` runs those whose title or test has the word in it. Ends with `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { API_CANARIES } from './canaries/api.mjs';
import { STORE_CANARIES } from './canaries/store.mjs';
import { compile } from './compiled.mjs';
import { ROOT } from './setup.mjs';

/** Beside `dist`, so that the broken build finds the same packages. */
const BROKEN = join(ROOT, 'dist-canary');
const TEST_MS_MAX = 180_000;

/** Each replaces a piece of a compiled file (`from`) with another (`to`), and names the test that must fail. */
const CANARIES = [...API_CANARIES, ...STORE_CANARIES];

await compile();
const [word = ''] = process.argv.slice(2);
const chosen = CANARIES.filter(({ title, test }) => title.includes(word) || test.includes(word));
let failed = 0;
try {
  rmSync(BROKEN, { recursive: true, force: true });
  cpSync(join(ROOT, 'dist'), BROKEN, { recursive: true });
  for (const canary of chosen) {
    const caught = isCaught(canary);
    if (!caught) failed += 1;
    console.log(`${caught ? 'ok' : 'not ok'} - ${canary.test} notices ${canary.title}`);
  }
} finally {
  rmSync(BROKEN, { recursive: true, force: true });
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Whether the test fails with the broken build; throws if it fails with the unbroken one, too. */
function isCaught({ file, from, to, test, env = {} }) {
  const path = join(BROKEN, file);
  const whole = readFileSync(path, 'utf8');
  if (!whole.includes(from)) throw new Error(`${file} does not contain \`${from}\`: update the canary`);
  if (run(test, env) !== 0) throw new Error(`${test} fails with the unbroken build`);
  writeFileSync(path, whole.replace(from, to));
  try {
    return run(test, env) !== 0;
  } finally {
    writeFileSync(path, whole);
  }
}

/** The exit code of a test file; a hang is a failure. */
function run(test, env) {
  const { status } = spawnSync(process.execPath, [join(BROKEN, test)], {
    cwd: ROOT,
    env: { ...process.env, TAP_TIMEOUT: String(TEST_MS_MAX / 1_000), ...env },
    stdio: 'ignore',
    timeout: TEST_MS_MAX,
    killSignal: 'SIGKILL',
  });
  return status;
}
