/**
 * Commands beside a collector never open its data file, and need not share its processes: each is run among processes of its
 * own, as in another container, and with another file in place of the data file, which nobody could take for one.
 */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { APP, KEY, spawnCollector } from '../support/collector.js';
import { MAIN, runSpyglass } from '../support/command.js';
import { event } from '../support/http.js';
import { chunk, postReplay } from '../support/replay.js';

t.setTimeout(300_000);

/** Runs what follows it, a file for which another is to be taken and a command. */
const APART = [
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  ...['--mount', '--pid', '--fork', '--mount-proc', 'sh', '-ec'],
  'mount --bind "$1" "$2"; shift 2; exec "$@"',
  'apart',
];

interface Ended {
  code: number | null;
  output: string;
}

const dir = t.testdir({});
const other = join(dir, 'other');
writeFileSync(other, 'no data file');

function runApart(dataDir: string, ...args: string[]): Promise<Ended> {
  const command = [process.execPath, MAIN, ...args, '--data', dataDir];
  const child = spawn('unshare', [...APART, other, join(dataDir, 'spyglass.mdb'), ...command]);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

t.test('every command works apart from its collector, and without the data file', async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const { dataDir } = collector;
  const tried = spawnSync('unshare', [...APART, other, join(dataDir, 'spyglass.mdb'), 'true']);
  if (tried.error !== undefined || tried.status !== 0) {
    console.error('# NOT TESTED: commands apart from their collector, for this user may make no namespaces');
    return;
  }
  await collector.send([event({ user_id: 'alice' }), event({ user_id: 'bob', ts: Date.now() })]);
  await postReplay(collector.url, `app=${APP}&session=own&seq=1`, chunk('a replay'), KEY);
  const ok = async (told: RegExp, ...args: string[]) => {
    const { code, output } = await runApart(dataDir, ...args);
    t.equal(code, 0, `${args[0]}: ${output}`);
    t.match(output, told);
  };
  const backup = join(dir, 'backup');
  await ok(/^ok .*: 2 events, \d+ rows .*, 1 replay chunks$/m, 'verify');
  await ok(/^ok .*: none of \d+ answers would change$/m, 'verify', '--diff');
  await ok(/^\{"end":2,"events":2\}$/m, 'export');
  await ok(/^ok .*: 2 events up to id 2, 1 replay chunks$/m, 'backup', backup);
  await ok(/^ok .*every view rebuilt from the log, up to id 2$/m, 'rebuild');
  await ok(/^ {2}events {4}1, of 1 sessions$/m, 'erase', '--user', 'alice');
  await ok(/^ok .*: 0 events and 0 replay chunks/m, 'sweep', '--events-days', '30');
  await ok(/^ok .*: the data file takes .* MiB, before .* MiB$/m, 'compact');
  await ok(/^\{"end":2,"events":1\}$/m, 'export');
  t.match(await runSpyglass(['verify', '--data', backup]), { code: 0 });

  await collector.stop('SIGTERM');
  for (const command of ['verify', 'export', 'compact', 'rebuild'])
    t.match(
      await runApart(dataDir, command),
      { code: 1, output: /is not a spyglass data file/ },
      `${command} opens it where no collector runs, which is noticed`,
    );
});
