/** Notes who watches which replay, once a watching, and bounds how many lines a client's requests may make. */
import {
  AUDIT_LINES_PER_MINUTE,
  AUDIT_NAMES_MAX,
  AUDIT_WATCHING_MS,
  PERSON_TEXT_MAX,
} from '../domain/limits.js';
import { setNewest } from '../domain/newest.js';
import { ProblemError } from '../domain/problems.js';
import type { AuditEntry, AuditTrail, DiskWatch } from '../store/port.js';
import { DISK_FULL } from './errors.js';
import { networkOf } from './guards/client-address.js';

const MINUTE_MS = 60_000;
const REMEMBERED_MAX = 10_000;
/** Stands for further names from one address: nobody checks a name. */
export const MANY_NAMES = '(many names)';

/** What a client (a role at an address) has done of late. Times are of the monotonic clock. */
interface Client {
  namesSince: number;
  names: Set<string>;
  linesSince: number;
  lines: number;
}

export interface Watchings {
  /** Settles once the entry is durable. Throws a `ProblemError` where it may not be written. */
  note(entry: AuditEntry): Promise<void>;
  /** Since the start. */
  counts(): { lines: number; refused: number };
}

export function createWatchings(
  audit: AuditTrail,
  disk: Pick<DiskWatch, 'takesEvents'>,
  monotonic: () => number = () => performance.now(),
): Watchings {
  const clients = new Map<string, Client>();
  /** A player fetches chunk by chunk: the same reader and session are one line for a while. */
  const noted = new Map<string, { at: number; done: Promise<void> }>();
  const counts = { lines: 0, refused: 0 };

  const clientOf = (entry: AuditEntry): Client => {
    const key = `${entry.role} ${networkOf(entry.address)}`;
    const at = monotonic();
    const client = clients.get(key) ?? { namesSince: at, names: new Set(), linesSince: at, lines: 0 };
    if (at - client.namesSince >= AUDIT_WATCHING_MS) {
      client.namesSince = at;
      client.names.clear();
    }
    if (at - client.linesSince >= MINUTE_MS) {
      client.linesSince = at;
      client.lines = 0;
    }
    setNewest(clients, key, client, REMEMBERED_MAX);
    return client;
  };
  const takeLine = (client: Client): void => {
    if (!disk.takesEvents()) {
      counts.refused++;
      throw new ProblemError(
        DISK_FULL.code,
        'The disk has too little space left to note who watches.',
        DISK_FULL,
      );
    }
    if (client.lines >= AUDIT_LINES_PER_MINUTE) {
      counts.refused++;
      throw new ProblemError('too_many_replays', 'More replays than anybody watches in a minute.', {
        retryAfterS: Math.ceil((client.linesSince + MINUTE_MS - monotonic()) / 1_000),
      });
    }
    client.lines++;
    counts.lines++;
  };

  return {
    counts: () => counts,
    async note(entry) {
      const client = clientOf(entry);
      const line = { ...entry, name: knownName(client, cut(entry.name)) };
      const { at: _, ...who } = line;
      const watching = JSON.stringify(who);
      const before = noted.get(watching);
      if (before !== undefined && monotonic() - before.at < AUDIT_WATCHING_MS) return before.done;
      takeLine(client);
      const done = audit.note(line);
      setNewest(noted, watching, { at: monotonic(), done }, REMEMBERED_MAX);
      await done.catch((error) => {
        noted.delete(watching);
        throw error;
      });
    },
  };
}

function knownName({ names }: Client, name: string): string {
  if (!names.has(name) && names.size >= AUDIT_NAMES_MAX) return MANY_NAMES;
  names.add(name);
  return name;
}

/** Between code points. */
const cut = (name: string): string => name.slice(0, PERSON_TEXT_MAX).replace(/[\ud800-\udbff]$/, '');
