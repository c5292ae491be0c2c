/** A process that takes the writer lock when it is told to, and tells whether it ever held it beside another. */
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireWriterLock } from '../../../src/log/file/writer-lock.js';

const HOLD_MS = 3;
const WAIT_MS = 120_000;

async function holdOnce(dataDir: string): Promise<string> {
  const lock = await acquireWriterLock(dataDir, WAIT_MS);
  const mark = join(dataDir, '.held');
  try {
    closeSync(openSync(mark, 'wx'));
    await sleep(HOLD_MS);
    rmSync(mark);
    return 'held alone';
  } catch (error) {
    return `held beside another: ${(error as Error).message}`;
  } finally {
    await lock.release();
  }
}

process.on('message', async ({ dataDir, at }: { dataDir: string; at: number }) => {
  await sleep(Math.max(0, at - Date.now()));
  process.send?.(await holdOnce(dataDir).catch((error: Error) => `failed: ${error.message}`));
});
process.send?.('ready');
