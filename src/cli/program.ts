/** The command line: every command with its options, its help and its examples. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { CONFIG_FILE } from './config-file.js';

const EXIT_CODES = `
Exit codes: 0 done, 1 found a problem or could not finish, 2 wrong usage or configuration.`;

const CLOSED_MEANWHILE = `
A running collector answers 503 to everybody else meanwhile, some seconds for a million events.`;

const COPIED = `
Beside a running collector it works on a copy, for which the data folder needs room.`;

const TRUST_CLOCK =
  'the clock is right, although it is over a day ahead of all the store knows: delete by it';

const IN_A_CLONE = `
In a clone of the repository: \`npx spyglass <command>\`, from the folder of package.json.`;

/** A command with the options that several have. */
class CliCommand extends Command {
  constructor(name: string) {
    super(name);
    this.showHelpAfterError('(--help tells more)').exitOverride();
  }

  configOption(): this {
    return this.option('-c, --config <file>', `the configuration (default: ./${CONFIG_FILE})`);
  }

  storeOptions(): this {
    return this.configOption().option('--data <dir>', 'the data folder, instead of the one configured');
  }

  examples(...rows: readonly (readonly [line: string, note?: string])[]): this {
    const width = Math.max(...rows.map(([line]) => line.length));
    const lines = rows.map(([line, note = '']) => `  ${line.padEnd(width)}  ${note}`.trimEnd());
    return this.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
}

/** Builds the program. Parsing runs one command and settles with it; it throws instead of exiting. */
export function buildProgram(version: string): Command {
  return new CliCommand('spyglass')
    .description('A self-hosted collector for internal web apps: events, replays, errors and incidents.')
    .version(version)
    .addHelpText('after', IN_A_CLONE + EXIT_CODES)
    .addCommand(serve())
    .addCommand(demo())
    .addCommand(verify())
    .addCommand(rebuild())
    .addCommand(exportCommand())
    .addCommand(importCommand())
    .addCommand(backup())
    .addCommand(restore())
    .addCommand(sweep())
    .addCommand(erase())
    .addCommand(compact())
    .addCommand(migrate());
}

function serve(): Command {
  const meaning = 'what to log to standard error (default: warn on a terminal, else info)';
  const level = new Option('--log-level <level>', meaning);
  return new CliCommand('serve')
    .description('Run the collector: take events in, answer queries, serve the dashboard.')
    .configOption()
    .addOption(level.choices(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']))
    .option('--trust-clock', TRUST_CLOCK)
    .option('--quiet', 'do not say where it answers, with which keys: for a service, whose output is kept')
    .examples(
      ['spyglass serve', `with ./${CONFIG_FILE}, written first if there is none`],
      ['spyglass serve --config /etc/spyglass.json', 'with another configuration'],
      ['npm start -- --config FILE', 'the same in a clone'],
    )
    .action(async (options) => (await import('./serve.js')).serve(options));
}

function demo(): Command {
  return new CliCommand('demo')
    .description('Fill a collector with a believable month of a made-up inventory app.')
    .configOption()
    .option('--app <name>', 'the app to fill (default: the first one configured)')
    .option('--users <n>', 'people who use the app', number(1, 5_000), 200)
    .option('--days <n>', 'days before today to fill', number(0, 365), 30)
    .option('--seed <n>', 'the same seed makes the same month', number(0), 1)
    .option('--live', 'go on in real time until Ctrl-C')
    .examples(
      ['spyglass demo', 'into the running collector, or else straight into its data folder'],
      ['spyglass demo --users 20 --days 7', 'a small one'],
      ['spyglass demo --live', 'then watch the live feed'],
      ['spyglass demo --days 0 --live', 'the live part, and of the past only today'],
    )
    .addHelpText('after', '\nA second run on the same day stores nothing twice.')
    .action(async (options) => (await import('./demo.js')).demo(options));
}

function verify(): Command {
  return new CliCommand('verify')
    .description('Read the whole log, rebuild every view aside and compare byte by byte.')
    .option('--diff', 'compare answers instead: which would change if this release folded the views anew')
    .storeOptions()
    .examples(
      ['spyglass verify', 'beside a running collector, too'],
      ['spyglass verify --data /backups/monday', 'of a backup'],
      ['spyglass verify --diff', 'before this release takes over from an older one'],
    )
    .addHelpText('after', COPIED)
    .action(async (options) => (await import('./verify.js')).verify(options));
}

function rebuild(): Command {
  return new CliCommand('rebuild')
    .description('Rebuild every view from the log.')
    .storeOptions()
    .examples(['spyglass rebuild', 'in the running collector, or else in its data folder'])
    .addHelpText('after', CLOSED_MEANWHILE)
    .action(async (options) => (await import('./rebuild.js')).rebuild(options));
}

function exportCommand(): Command {
  return new CliCommand('export')
    .description('Write every event out, a JSON object a line. Replays travel by `backup`.')
    .storeOptions()
    .option('--after <id>', 'only events with a greater id', number(0), 0)
    .option('--out <file>', 'write to this file, which must not exist yet (default: standard output)')
    .examples(
      ['spyglass export > events.ndjson', 'beside a running collector, too'],
      ['spyglass export --after 151337 --out more.ndjson', 'what came since'],
      ['spyglass export | gzip > events.ndjson.gz'],
    )
    .action(async (options) => (await import('./export.js')).exportEvents(options));
}

function importCommand(): Command {
  return new CliCommand('import')
    .description('Read an export into an empty store, or into the same one. The collector must be stopped.')
    .argument('[file]', 'the export (default: standard input)')
    .storeOptions()
    .examples(
      ['spyglass import events.ndjson', 'importing it again does no harm'],
      ['gunzip -c events.ndjson.gz | spyglass import --data ./restored'],
    )
    .action(async (file, options) => (await import('./import.js')).importEvents(file, options));
}

function backup(): Command {
  return new CliCommand('backup')
    .description('Copy the store, replays included, as it is at one moment.')
    .argument('<dir>', 'the new folder; complete once it is there')
    .storeOptions()
    .examples(
      ['spyglass backup /backups/$(date +%F)', 'beside a running collector, too'],
      ['spyglass verify --data /backups/2026-11-23', 'worth doing now and then'],
    )
    .addHelpText('after', COPIED)
    .action(async (dir, options) => (await import('./backup.js')).backup(dir, options));
}

function restore(): Command {
  return new CliCommand('restore')
    .description('Check a backup, and make the data folder of it. The collector must be stopped.')
    .argument('<dir>', 'the backup')
    .storeOptions()
    .examples(
      [
        'mv data data.before && spyglass restore /backups/2026-11-23',
        'a folder with something in it is left alone',
      ],
      ['spyglass restore /backups/2026-11-23 --data ./elsewhere'],
    )
    .action(async (dir, options) => (await import('./restore.js')).restore(dir, options));
}

function sweep(): Command {
  const days = number(0, 36_500);
  return new CliCommand('sweep')
    .description('Delete what is past its retention, as the collector does once a day by itself.')
    .storeOptions()
    .option('--events-days <n>', 'keep events this many whole days (default: as configured)', days)
    .option('--replays-days <n>', 'keep replays this many whole days (default: as configured)', days)
    .option('--trust-clock', TRUST_CLOCK)
    .examples(
      ['spyglass sweep', 'in the running collector, or else in its data folder'],
      ['spyglass sweep --data ./data --events-days 90', 'without a configuration'],
    )
    .action(async (options) => (await import('./sweep.js')).sweep(options));
}

function erase(): Command {
  return new CliCommand('erase')
    .description('Erase a user: events, replays of their sessions, and every text that was only theirs.')
    .requiredOption('--user <id>', 'the id the apps know the user by')
    .option('--app <name>', 'only what this app has of the user (default: what every app has)')
    .option('--dry-run', 'say what would be erased, and erase nothing')
    .option('--yes', 'do not ask, at a terminal either')
    .storeOptions()
    .examples(
      ['spyglass erase --user alice --dry-run', 'what would go'],
      ['spyglass erase --user alice', 'in the running collector, or else in its data folder'],
      ['spyglass erase --user alice --data ./data', 'without a configuration'],
    )
    .addHelpText('after', CLOSED_MEANWHILE)
    .action(async (options) => (await import('./erase.js')).erase(options));
}

function compact(): Command {
  return new CliCommand('compact')
    .description('Rewrite the data file without what was deleted.')
    .storeOptions()
    .examples(['spyglass compact', 'after a sweep, to give the disk its space back'])
    .addHelpText('after', CLOSED_MEANWHILE)
    .action(async (options) => (await import('./compact.js')).compact(options));
}

function migrate(): Command {
  return new CliCommand('migrate')
    .description(
      'Move a data folder into ClickHouse, or back, and compare both. No collector may be running.',
    )
    .requiredOption('--from <where>', 'a data folder, or the word clickhouse')
    .requiredOption('--to <where>', 'the other of the two')
    .configOption()
    .examples(
      ['spyglass migrate --from ./data --to clickhouse', 'the engine that the configuration names'],
      ['spyglass migrate --from clickhouse --to ./data', 'and back; ids that ClickHouse gave are given anew'],
    )
    .addHelpText('after', '\nCut off, it goes on where it was; run again, it stores nothing twice.')
    .action(async (options) => (await import('./migrate.js')).migrate(options));
}

/** Reads an option that is a whole number within bounds. */
function number(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      `It must be a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}.`,
    );
  };
}
