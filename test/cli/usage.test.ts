/** The command line itself: help, and exit codes that scripts can use. */
import t from 'tap';
import { runSpyglass } from '../support/command.js';

/** Many processes are started in here; a hang is a failure, a slow machine is not. */
t.setTimeout(180_000);

const COMMANDS = ['serve', 'demo', 'verify', 'rebuild', 'export', 'import', 'backup', 'sweep'];
const cwd = t.testdir({});

t.test('the help names every command, and each command has examples', async (t) => {
  const { code, stdout } = await runSpyglass(['--help']);
  t.equal(code, 0);
  for (const command of COMMANDS) {
    t.match(stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
    const help = await runSpyglass([command, '--help']);
    t.equal(help.code, 0);
    t.match(help.stdout, new RegExp(`Examples:\n {2}(gunzip .* )?spyglass ${command}`));
  }
});

t.test('the version is that of the package', async (t) => {
  t.match(await runSpyglass(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ });
});

t.test('wrong usage is exit code 2, said on standard error without a stack', async (t) => {
  for (const args of [
    [],
    ['frobnicate'],
    ['verify', '--nonsense'],
    ['export', '--after', 'x'],
    ['backup'],
    ['demo', '--users', '0'],
  ]) {
    const { code, stdout, stderr } = await runSpyglass(args, { cwd });
    t.equal(code, 2, args.join(' '));
    t.equal(stdout, '');
    t.ok(stderr.length > 0);
    t.notMatch(stderr, /\n\s+at /);
  }
});

t.test('without a configuration a command says so, and how to go on', async (t) => {
  const { code, stderr } = await runSpyglass(['verify'], { cwd });
  t.equal(code, 2);
  t.match(stderr, /^spyglass: there is no .*spyglass\.config\.json: .*\n$/);
});
