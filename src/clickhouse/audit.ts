/** The audit trail in the engine: who watched which session's replay, whichever collector they asked. */
import type { AuditEntry, AuditTrail } from '../store/port.js';
import type { Engine } from './connect.js';

export function openAudit(engine: Engine): AuditTrail {
  return {
    note: (entry) => engine.insert('audit', [entry]),
    list: (limit) =>
      engine.query<AuditEntry>(
        'SELECT at, role, name, address, app, session_id FROM audit ORDER BY at DESC LIMIT {limit:UInt32}',
        { limit },
      ),
  };
}
