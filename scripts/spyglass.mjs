#!/usr/bin/env node
/** The `spyglass` command in a clone: sets the clone up if needed, then runs the compiled command in this process. */
import { readFileSync } from 'node:fs';
import { SetupError, setup } from './setup.mjs';

try {
  await setup({ set: wantsClickhouse(process.argv.slice(2)) ? 'clickhouse' : 'run' });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`spyglass: ${error.message}`);
  process.exit(1);
}
// Not in a child: that would cost a second Node, and signals would have to be passed on.
await import('../dist/src/cli/main.js');

/** Whether the configuration names that engine; nothing that validates a configuration may be installed yet. */
function wantsClickhouse(args) {
  const at = args.findIndex((arg) => arg === '--config' || arg === '-c');
  const given = args.find((arg) => arg.startsWith('--config='))?.slice('--config='.length);
  try {
    const config = JSON.parse(
      readFileSync(given ?? (at < 0 ? 'spyglass.config.json' : args[at + 1]), 'utf8'),
    );
    return config?.store?.engine === 'clickhouse';
  } catch {
    return false; // the command itself reports what is wrong
  }
}
