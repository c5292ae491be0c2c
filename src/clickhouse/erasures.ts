/**
 * Erasures that were asked for and are not done: rows of the table `erasures`, so that one that was cut off is taken
 * up again, by whichever collector comes first.
 *
 * Who carries out an erasure notes that it does, again and again. One that nobody has noted for a while is free.
 * Of two that take it up at once, the lesser name goes on; if both did, no harm would be done.
 */
import { randomUUID } from 'node:crypto';
import type { EraseReport, Erasure } from '../store/port.js';
import type { Engine } from './connect.js';
import { deleteFrom, eraseUser } from './retention.js';
import { ENGINE_NOW_MS, queryNumber } from './sql.js';

const NOTE_MS = 20_000;
const FREE_AFTER_MS = 90_000;
/** How long the engine takes at most to remove files that are due. */
const CLEANUP_MS = 60_000;

interface Pending extends Erasure {
  id: string;
}
type Receipt = Omit<EraseReport, 'bytesBefore' | 'bytesAfter'>;

export function openErasures(engine: Engine, freeAfterMs = FREE_AFTER_MS) {
  const worker = randomUUID();

  const note = ({ id, user, app = '' }: Pending): Promise<void> =>
    engine.command(
      `INSERT INTO erasures (id, user_id, app, worker, at)
       SELECT {id:String}, {user:String}, {app:String}, {worker:String}, ${ENGINE_NOW_MS}`,
      { id, user, app, worker },
    );

  const carryOut = async (pending: Pending): Promise<Receipt> => {
    let noted: Promise<void> = Promise.resolve();
    const timer = setInterval(() => {
      noted = note(pending).catch(() => {});
    }, NOTE_MS).unref();
    try {
      const report = await eraseUser(engine, pending);
      clearInterval(timer);
      await noted;
      await deleteFrom(engine, 'erasures', 'id = {id:String}', { id: pending.id });
      const isGone = report.events + report.chunks + report.sessions === 0;
      return { ...report, ...(isGone ? {} : { goneFromDiskAt: await goneFromDiskAt(engine) }) };
    } finally {
      clearInterval(timer);
    }
  };

  /** Whether this one may carry it out. */
  const claim = async (pending: Pending): Promise<boolean> => {
    // Another may have finished it since it was listed: a note would ask for it anew.
    const notes = 'SELECT count() FROM erasures WHERE id = {id:String}';
    if ((await queryNumber(engine, notes, { id: pending.id })) === 0) return false;
    await note(pending);
    const [least] = await engine.query<{ worker: string }>(
      `SELECT DISTINCT worker FROM erasures WHERE id = {id:String} AND at + {free:UInt64} > ${ENGINE_NOW_MS}
       ORDER BY worker ASC LIMIT 1`,
      { id: pending.id, free: freeAfterMs },
    );
    return least?.worker === worker;
  };

  return {
    /** Settles when it is done; it is taken up again if it fails. */
    async erase(erasure: Erasure): Promise<Receipt> {
      const pending = { ...erasure, id: randomUUID() };
      await note(pending);
      return carryOut(pending);
    },
    /** Carries out what nobody does; returns how many. Throws the first failure, after the others' turns. */
    async resume(): Promise<number> {
      const free = await listFree(engine, freeAfterMs);
      let done = 0;
      const failures: unknown[] = [];
      for (const pending of free) {
        try {
          if (!(await claim(pending))) continue;
          await carryOut(pending);
          done++;
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
      return done;
    },
  };
}

/** Erasures that nobody carries out. */
async function listFree(engine: Engine, freeAfterMs: number): Promise<Pending[]> {
  const rows = await engine.query<{ id: string; its_user: string; its_app: string }>(
    `SELECT id, any(user_id) AS its_user, any(app) AS its_app FROM erasures
     GROUP BY id HAVING max(at) + {free:UInt64} <= ${ENGINE_NOW_MS}`,
    { free: freeAfterMs },
  );
  return rows.map(({ id, its_user, its_app }) => ({
    id,
    user: its_user,
    ...(its_app === '' ? {} : { app: its_app }),
  }));
}

/** When the engine has removed the files that a mutation replaced, Unix ms: it keeps them for some minutes. */
async function goneFromDiskAt(engine: Engine): Promise<number> {
  const keptS = await queryNumber(
    engine,
    "SELECT max(toUInt64(value)) AS kept FROM system.merge_tree_settings WHERE name = 'old_parts_lifetime'",
  );
  return Date.now() + keptS * 1_000 + CLEANUP_MS;
}
