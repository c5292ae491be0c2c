/**
 * Where log lines go: standard error, which may be a pipe that nobody reads. Node writes to a pipe or a socket
 * without waiting (to a file and a terminal it waits), and keeps what is unsent; that is bounded here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LOG_UNSENT_CHARS_MAX } from '../domain/limits.js';

const WARN = 40;

/** What is used of a stream. */
type Output = Pick<NodeJS.WriteStream, 'write' | 'writable' | 'writableLength' | 'on'>;

export interface LogOutput {
  write(line: string): void;
  /** Lines dropped since the start. */
  dropped(): number;
}

/** Drops lines while too many are unsent, and says how many once they are read again. */
export function openLogOutput(output: Output, unsentMax = LOG_UNSENT_CHARS_MAX): LogOutput {
  let dropped = 0;
  let told = 0;
  const tell = (): void => {
    if (told === dropped || !output.writable) return;
    const line = { level: WARN, time: Date.now(), dropped: dropped - told };
    told = dropped;
    output.write(
      `${JSON.stringify({ ...line, msg: 'nobody read the log for a while: lines were dropped' })}\n`,
    );
  };
  output.on('drain', tell);
  return {
    dropped: () => dropped,
    write(line) {
      if (!output.writable || output.writableLength + line.length > unsentMax) {
        dropped++;
        return;
      }
      tell();
      output.write(line);
    },
  };
}

/** Gives a reader the time to take what is unsent: the end of the process drops the rest. */
export async function flushed(outputs: readonly Output[], msMax: number): Promise<void> {
  const unsent = outputs.filter(({ writable, writableLength }) => writable && writableLength > 0);
  // Not `drain`: it comes only after a write that was told to wait.
  const done = unsent.map((output) => new Promise<void>((resolve) => output.write('', () => resolve())));
  const tooLate = new AbortController();
  await Promise.race([
    Promise.all(done),
    sleep(msMax, undefined, { signal: tooLate.signal }).catch(() => {}),
  ]);
  tooLate.abort();
}
