/**
 * The audit trail: who watched which session's replay, as JSON lines in the data folder. A file that is full
 * becomes `audit.1.ndjson`, the one before `audit.2.ndjson`, and so on; the oldest goes.
 */
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIT_FILE_BYTES_MAX, AUDIT_FILES_MAX } from '../domain/limits.js';
import type { AuditEntry, AuditTrail } from './port.js';

/** Read at once, from the end. */
const BLOCK_BYTES = 65_536;
const NEWLINE = 0x0a;

export function openAuditTrail(dataDir: string, fileBytesMax = AUDIT_FILE_BYTES_MAX): AuditTrail {
  /** By age, the newest is 0. */
  const pathOf = (age: number) => join(dataDir, age === 0 ? 'audit.ndjson' : `audit.${age}.ndjson`);
  // There from the start, when a file can be made; else a note says what is wrong.
  void open(pathOf(0), 'a', 0o600).then(
    (file) => file.close(),
    () => {},
  );
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other, since files are renamed. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.catch(() => {}).then(work);
    last = done;
    return done;
  };

  const append = async (line: string): Promise<void> => {
    const file = await open(pathOf(0), 'a+', 0o600);
    let isFull = false;
    try {
      const { size } = await file.stat();
      // A power cut may have left a line without its end.
      const gap = size > 0 && (await byteAt(file, size - 1)) !== NEWLINE ? '\n' : '';
      await file.appendFile(`${gap}${line}\n`);
      await file.datasync();
      if (size === 0) await syncFolder(dataDir);
      isFull = size + line.length >= fileBytesMax;
    } finally {
      await file.close();
    }
    if (!isFull) return;
    for (let age = AUDIT_FILES_MAX - 1; age > 0; age--) await renameIfThere(pathOf(age - 1), pathOf(age));
  };

  return {
    note: (entry) => inTurn(() => append(JSON.stringify(entry))),
    list: (limit) =>
      inTurn(async () => {
        const entries: AuditEntry[] = [];
        for (let age = 0; age < AUDIT_FILES_MAX; age++) {
          for await (const line of linesFromEnd(pathOf(age))) {
            entries.push(...parseLine(line));
            if (entries.length === limit) return entries;
          }
        }
        return entries;
      }),
  };
}

async function byteAt(file: FileHandle, position: number): Promise<number | undefined> {
  const { buffer } = await file.read({ buffer: Buffer.alloc(1), position });
  return buffer[0];
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch(ignoreMissing);
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** The lines of a file, the last one first; none where there is no file. */
async function* linesFromEnd(path: string): AsyncGenerator<string> {
  const file = await open(path, 'r').catch(ignoreMissing);
  if (file === undefined) return;
  try {
    let { size: start } = await file.stat();
    let rest = Buffer.alloc(0);
    while (start > 0) {
      const length = Math.min(BLOCK_BYTES, start);
      start -= length;
      const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: start });
      const text = Buffer.concat([buffer, rest]);
      let end = text.length;
      for (let at = text.lastIndexOf(NEWLINE, end - 1); at >= 0; at = text.lastIndexOf(NEWLINE, end - 1)) {
        yield text.toString('utf8', at + 1, end);
        end = at;
        if (end === 0) break;
      }
      rest = text.subarray(0, end);
    }
    yield rest.toString('utf8');
  } finally {
    await file.close();
  }
}

/** Skips a line that a power cut left incomplete. */
function parseLine(line: string): AuditEntry[] {
  try {
    return [JSON.parse(line) as AuditEntry];
  } catch {
    return [];
  }
}
