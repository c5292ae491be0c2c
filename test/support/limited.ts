/** Runs the `spyglass` command in the memory of the shipped container, and measures what it takes of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { MAIN, NODE_FLAGS, START_ENV } from './command.js';

/** `mem_limit` of compose.yaml. */
export const MEMORY_BYTES = 2 * 1_073_741_824;
/** What V8 chooses by itself for a heap in so much memory; named, since not everybody may make a control group. */
const HEAP_MB = 1_048;
const POLL_MS = 20;

/** The folder of a new control group with that limit, of either version; undefined where the user may not make one. */
function makeGroup(): string | undefined {
  const [root, limit] = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes')
    ? ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes']
    : ['/sys/fs/cgroup', 'memory.max'];
  const group = `${root}/spyglass-test-${process.pid}`;
  try {
    mkdirSync(group);
    writeFileSync(`${group}/${limit}`, String(MEMORY_BYTES));
    return group;
  } catch {
    return undefined;
  }
}

const group = makeGroup();
process.once('exit', () => {
  try {
    if (group !== undefined) rmdirSync(group);
  } catch {
    // A process that is still in it ends with its test.
  }
});

/** How the bound is held, for the test's output. */
export const HOW_LIMITED = group === undefined ? 'measured only: no control group' : 'by a control group';

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  seconds: number;
  /** At most, of memory that is not the mapped data file; 0 where Linux's figures are missing. */
  peakBytes: number;
}

export interface Limited {
  process: ChildProcess;
  ended: Promise<Ran>;
  /** What it wrote so far. */
  output(): string;
  peakBytes(): number;
}

/** Starts the command; `env` is added to this process's own. */
export function startLimited(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  heapMb: number = HEAP_MB,
): Limited {
  // The last one holds.
  const node = [process.execPath, ...NODE_FLAGS, `--max-old-space-size=${heapMb}`, MAIN, ...args];
  const enter = `echo $$ > ${group}/cgroup.procs && exec "$@"`;
  const [command = '', ...rest] = group === undefined ? node : ['sh', '-c', enter, 'sh', ...node];
  const child = spawn(command, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...START_ENV, ...env },
  });
  const start = performance.now();
  let output = '';
  let peakBytes = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, anonymousBytes(child.pid ?? 0));
  }, POLL_MS);
  const ended = new Promise<Ran>((resolve) => {
    child.once('close', (code, signal) => {
      clearInterval(timer);
      resolve({ code, signal, output, seconds: (performance.now() - start) / 1_000, peakBytes });
    });
  });
  return { process: child, ended, output: () => output, peakBytes: () => peakBytes };
}

function anonymousBytes(pid: number): number {
  try {
    return (
      1_024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    );
  } catch {
    return 0;
  }
}
