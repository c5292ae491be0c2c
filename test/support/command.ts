/** Runs the compiled `spyglass` command as a process of its own. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The compiled `spyglass` command. */
export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  scripts: { start: string };
};
/** Environment and node's flags of `npm start`, with which collectors of tests run too. */
export const START_ENV: NodeJS.ProcessEnv = Object.fromEntries(
  [...scripts.start.matchAll(/(?<=^| )([A-Z_]+)=(\S+) /g)].map(([, name = '', value]) => [name, value]),
);
export const NODE_FLAGS: readonly string[] = scripts.start.match(/(?<= )--[a-z-]+(=\d+)?(?= )/g) ?? [];

/** Runs the `spyglass` command to its end. */
export async function runSpyglass(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; stdin?: string | Buffer } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: { ...process.env, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}); // a command that has seen enough closes its end
  child.stdin.end(options.stdin ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
}
