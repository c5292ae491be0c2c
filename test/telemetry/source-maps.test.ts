/** Stacks name the lines of the sources, in the command and in each of its threads, whoever looks at them. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import '../../src/telemetry/source-maps.js';
import { runSpyglass } from '../support/command.js';

const COMPILED = join(process.cwd(), 'dist/src');

/** The source of each thread, relative to `src`: those that are there, not those that a test knows of. */
const threads = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('-thread.ts'),
);

t.test('a stack says where in the source an error came about', async (t) => {
  const source = readFileSync(join(process.cwd(), 'test/telemetry/source-maps.test.ts'), 'utf8').split('\n');
  const { stack = '' } = new Error('here');
  const [, line = ''] = /source-maps\.test\.ts:(\d+):\d+/.exec(stack) ?? [];
  t.match(source[Number(line) - 1], "new Error('here')");
  t.notMatch(stack, '/dist/test/telemetry');
  t.match(stack, /^Error: here\n {4}at /);
});

t.test('an error that cannot say what it is does not throw where it is looked at', async (t) => {
  const error = new Error('odd');
  Object.defineProperty(error, 'name', {
    get: () => {
      throw new Error('never');
    },
  });
  t.match(error.stack, /^Error\n {4}at /);
});

t.test('so does an error that ends a thread', async (t) => {
  t.ok(threads.length >= 5, 'the threads were found');
  for (const file of threads) {
    // Without the data that it is started with, it fails where it first looks at them.
    const worker = new Worker(join(COMPILED, file.replace(/ts$/, 'js')), { workerData: null });
    const [error] = await once(worker, 'error');
    t.match(error.stack, `/src/${file}:`, file);
    t.notMatch(error.stack, '/dist/src/', file);
  }
});

t.test('so does a bug that ends the command', async (t) => {
  const broken = 'process.cwd = () => { throw new Error("broken on purpose"); }';
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(broken)}` };
  const { code, stderr } = await runSpyglass(['verify'], { env });
  t.equal(code, 1);
  t.match(stderr, 'Error: broken on purpose');
  t.match(stderr, /\/src\/cli\/config-file\.ts:\d+:\d+/);
  t.notMatch(stderr, '/dist/src/');
});
