/** A log that nobody reads: lines are bounded, dropped ones counted and told, and the collector goes on. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { flushed, openLogOutput } from '../../src/cli/log-output.js';
import { MAIN } from '../support/command.js';
import { ask, postEvents } from '../support/http.js';

t.test('so much is kept for a reader, the rest is counted, and told once it reads', async (t) => {
  const pipe = new PassThrough({ highWaterMark: 10, decodeStrings: false, encoding: 'utf8' });
  const output = openLogOutput(pipe as unknown as NodeJS.WriteStream, 100);
  const line = `${'x'.repeat(29)}\n`;
  for (let n = 0; n < 10; n++) output.write(line);
  const dropped = output.dropped();
  t.ok(dropped > 0 && dropped < 10, `${dropped} of 10 lines`);
  let text = '';
  pipe.on('data', (part) => {
    text += part;
  });
  await sleep(0);
  output.write(line);
  await sleep(0);
  t.equal(text.split(line).length - 1, 11 - dropped);
  t.equal(text.match(new RegExp(`"level":40,.*"dropped":${dropped},"msg":`, 'g'))?.length, 1);
  pipe.destroy();
  output.write(line);
  t.equal(output.dropped(), dropped + 1, 'after the end too');
});

t.test('an end waits for a reader, but not for ever', async (t) => {
  const pipe = new PassThrough({ highWaterMark: 10 });
  pipe.write('x'.repeat(100));
  const outputs = [pipe as unknown as NodeJS.WriteStream];
  await flushed(outputs, 20);
  t.equal(pipe.readableFlowing, null, 'nobody read');
  const waiting = flushed(outputs, 100_000);
  pipe.resume();
  await waiting;
  // Less than is kept without telling the writer to wait.
  const slow = new Writable({ write: (_part, _encoding, done) => void setImmediate(done) });
  slow.write('x');
  await flushed([slow as unknown as NodeJS.WriteStream], 100_000);
});

t.test('reads and ingest go on while nobody reads the log; so does the end', async (t) => {
  const dir = t.testdir({});
  const [fifo, file] = [join(dir, 'pipe'), join(dir, 'spyglass.config.json')];
  execFileSync('mkfifo', [fifo]);
  writeFileSync(file, JSON.stringify({ listen: '127.0.0.1:0', apps: { inventory: { key: 'sg_live_x' } } }));
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  t.teardown(() => closeSync(reader));
  const stderr = openSync(fifo, constants.O_WRONLY);
  const args = [MAIN, 'serve', '--config', file, '--log-level', 'debug'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', stderr] });
  closeSync(stderr);
  t.teardown(() => child.kill('SIGKILL'));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  const url = await new Promise<string>((resolve) => {
    child.stdout?.on('data', (said) => {
      const found = /http:\/\/\S+:\d+/.exec(String(said));
      if (found) resolve(found[0]);
    });
  });
  const dropped = async () =>
    Number(/^spyglass_log_lines_dropped_total (\d+)$/m.exec((await ask(url, '/metrics')).text)?.[1]);
  // A request id makes a line longer.
  const headers = { 'x-request-id': 'x'.repeat(64) };
  let reads = 0;
  while ((await dropped()) === 0) {
    const asked = await Promise.all(
      Array.from({ length: 500 }, () => ask(url, '/v1/query/events?limit=1', { headers })),
    );
    reads += asked.filter(({ status }) => status === 200).length;
  }
  t.ok(reads > 500, `${reads} reads`);
  t.equal((await ask(url, '/healthz')).status, 200);
  const event = { user_id: 'u', session_id: 's', type: 'event', name: 'n' };
  const body = { app: 'inventory', key: 'sg_live_x', events: [event] };
  t.equal((await postEvents(url, body)).status, 204);

  const part = Buffer.alloc(1 << 16);
  let text = '';
  const read = () => {
    try {
      text += part.toString('utf8', 0, readSync(reader, part));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  };
  while (!text.includes('lines were dropped')) {
    read();
    await sleep(1);
  }
  t.ok(await dropped());
  child.kill('SIGTERM');
  t.equal(await exited, 0);
});
