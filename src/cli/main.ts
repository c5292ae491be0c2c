/** The `spyglass` command: runs the command that its arguments name, and sets the exit code. */
import '../telemetry/source-maps.js';
import { CommanderError } from 'commander';
import { VERSION } from '../domain/version.js';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE, explain } from './failure.js';
import { buildProgram } from './program.js';

// Whatever is written holds what people did: files are 0600 and folders 0700, those that LMDB makes too.
process.umask(0o077);
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    await buildProgram(VERSION).parseAsync(args, { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE; // it has said why
    const told = explain(error);
    console.error(told ? `spyglass: ${told.message}` : error);
    return told?.exitCode ?? EXIT_FAILED;
  }
}
