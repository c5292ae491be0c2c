#!/usr/bin/env node
/** The `spyglass` command in a clone: sets the clone up where needed, then runs the compiled command right here. */
import { SetupError, setup } from './setup.mjs';

try {
  await setup({ set: 'run' });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`spyglass: ${error.message}`);
  process.exit(1);
}
// In this process and not in a child: a second start costs no second Node, and signals need no passing on.
await import('../dist/src/cli/main.js');
