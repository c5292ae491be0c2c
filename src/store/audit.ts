/**
 * The audit trail: who watched which session's replay, a JSON line each in the data folder, only ever added to.
 *
 * A reader who goes on watching is one line for a while: a player asks for a session chunk by chunk.
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEntry, AuditTrail } from './port.js';

const AUDIT_FILE = 'audit.ndjson';
const SAME_WATCHING_MS = 10 * 60_000;
const WATCHINGS_MAX = 10_000;

export function openAuditTrail(dataDir: string): AuditTrail {
  const path = join(dataDir, AUDIT_FILE);
  /** When each watching was last noted; the oldest goes first. */
  const noted = new Map<string, number>();

  return {
    async note(entry) {
      const { at, ...who } = entry;
      const watching = JSON.stringify(who);
      if (at - (noted.get(watching) ?? Number.NEGATIVE_INFINITY) < SAME_WATCHING_MS) return;
      const file = await open(path, 'a', 0o600);
      try {
        await file.appendFile(`${JSON.stringify(entry)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
      noted.delete(watching);
      noted.set(watching, at);
      const [oldest] = noted.keys();
      if (noted.size > WATCHINGS_MAX && oldest !== undefined) noted.delete(oldest);
    },
    async list(limit) {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      });
      return text.trimEnd().split('\n').slice(-limit).reverse().flatMap(parseLine);
    },
  };
}

/** A line cut short by a power cut tells nothing. */
function parseLine(line: string): AuditEntry[] {
  try {
    return [JSON.parse(line) as AuditEntry];
  } catch {
    return [];
  }
}
