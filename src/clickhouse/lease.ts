/**
 * A collector's number among all that run: claimed at start, renewed while it runs, free when its lease ends.
 *
 * To claim a number: choose one that nobody renewed within the lease, write a row, and read again. The claim
 * holds if there is no other row. Of two collectors that claim at once, each writes before it reads, so at
 * least one sees both rows and gives way. A collector that could not renew for half the lease gives no more
 * ids, and claims another number when the engine is back. Clocks may differ by up to half the lease.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { ClickhouseUnusable, type Engine } from './connect.js';
import { NODES } from './ids.js';

const LEASE_MS = 10 * 60_000;
const RENEW_MS = 60_000;
const TRIES = 20;

/** `node` may change after a lapse. Throws `ClickhouseUnusable` when every number is taken. */
export async function takeNode(engine: Engine) {
  const token = randomUUID();
  let node = await claim(engine, token);
  let renewedAt = Date.now();
  /** Whether ids may be given under the number now. */
  const holds = (): boolean => Date.now() - renewedAt < LEASE_MS / 2;

  const renew = async (): Promise<void> => {
    const at = Date.now();
    // After a lapse another collector may have the number.
    if (holds()) await write(engine, node, token);
    else node = await claim(engine, randomUUID());
    renewedAt = at;
  };
  const timer = setInterval(() => {
    renew().catch(() => {}); // `holds` becomes false in time
  }, RENEW_MS);
  timer.unref();
  return { node: () => node, holds, end: () => clearInterval(timer) };
}

async function claim(engine: Engine, token: string): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const taken = await holders(engine);
    const free = [...Array(NODES).keys()].filter((node) => !taken.has(node));
    const node = free[randomInt(Math.max(1, free.length))];
    if (node === undefined)
      throw new ClickhouseUnusable(`${NODES} collectors run on this database, and no more can`);
    await write(engine, node, token);
    const mine = (await holders(engine)).get(node);
    if (mine?.size === 1 && mine.has(token)) return node;
  }
  throw new ClickhouseUnusable('this collector could not claim a number: start it again');
}

const write = (engine: Engine, node: number, token: string): Promise<void> =>
  engine.insert('collectors', [{ node, token, at: Date.now() }]);

/** The tokens that were written for each number within the lease. */
async function holders(engine: Engine): Promise<Map<number, Set<string>>> {
  const rows = await engine.query<{ node: number; token: string }>(
    'SELECT DISTINCT node, token FROM collectors WHERE at > {since:UInt64}',
    { since: Date.now() - LEASE_MS },
  );
  const found = new Map<number, Set<string>>();
  for (const { node, token } of rows) found.set(node, (found.get(node) ?? new Set()).add(token));
  return found;
}
