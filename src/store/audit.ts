/** The audit trail: who watched which session's replay, as JSON lines in the data folder, append-only. */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEntry, AuditTrail } from './port.js';

const AUDIT_FILE = 'audit.ndjson';
/** A player fetches chunk by chunk: the same reader and session are noted again only after this. */
const SAME_WATCHING_MS = 10 * 60_000;
const WATCHINGS_MAX = 10_000;

export function openAuditTrail(dataDir: string): AuditTrail {
  const path = join(dataDir, AUDIT_FILE);
  /** When each was last noted, oldest first. Unix ms. */
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

/** Skips a line that a power cut left incomplete. */
function parseLine(line: string): AuditEntry[] {
  try {
    return [JSON.parse(line) as AuditEntry];
  } catch {
    return [];
  }
}
