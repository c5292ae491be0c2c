/** The audit trail in the engine: who watched which session's replay, whichever collector they asked. */
import type { AuditEntry, AuditTrail } from '../store/port.js';
import type { Engine } from './connect.js';

/** Within this time a reader of the same session is one row: a player asks chunk by chunk. */
const SAME_WATCHING_MS = 10 * 60_000;
const WATCHINGS_MAX = 10_000;

export function openAudit(engine: Engine): AuditTrail {
  /** When each reader and session was last noted here, the oldest first. */
  const noted = new Map<string, number>();
  return {
    async note(entry) {
      const { at, ...who } = entry;
      const watching = JSON.stringify(who);
      if (at - (noted.get(watching) ?? Number.NEGATIVE_INFINITY) < SAME_WATCHING_MS) return;
      await engine.insert('audit', [entry]);
      noted.delete(watching);
      noted.set(watching, at);
      const [oldest] = noted.keys();
      if (noted.size > WATCHINGS_MAX && oldest !== undefined) noted.delete(oldest);
    },
    list: (limit) =>
      engine.query<AuditEntry>(
        'SELECT at, role, name, address, app, session_id FROM audit ORDER BY at DESC LIMIT {limit:UInt32}',
        { limit },
      ),
  };
}
