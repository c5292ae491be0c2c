/**
 * A collector's number among all that run: claimed at start, renewed while it runs, free when its lease ends.
 *
 * To claim a number: choose one that nobody renewed within the lease, write a row, and read again. The claim
 * holds if there is no other row. Of two collectors that claim at once, each writes before it reads, so at
 * least one sees both rows and gives way. A collector that could not renew for half the lease gives no more
 * ids, and claims another number when the engine is back. Times are the engine's: collectors' clocks may be
 * far off, those of its servers by up to half the lease.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { ClickhouseUnusable, type Engine } from './connect.js';
import { NODES } from './ids.js';
import { ENGINE_NOW_MS } from './sql.js';

const LEASE_MS = 10 * 60_000;
const RENEW_MS = 60_000;
const TRIES = 20;

/**
 * How long ago something was, ms: by the clock that nobody sets, or by the other one, which goes on while the
 * machine sleeps; the longer of the two.
 */
function openAge(): () => number {
  const [steady, wall] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - steady, Date.now() - wall);
}

/** `node` may change after a lapse. Throws `ClickhouseUnusable` when every number is taken. */
export async function takeNode(engine: Engine) {
  const token = randomUUID();
  let age = openAge();
  let node = await claim(engine, token);
  /** Whether ids may be given under the number now. */
  const holds = (): boolean => age() < LEASE_MS / 2;

  const renew = async (): Promise<void> => {
    const begun = openAge();
    // After a lapse another collector may have the number.
    if (holds()) await write(engine, node, token);
    else node = await claim(engine, randomUUID());
    age = begun;
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
  engine.command(
    `INSERT INTO collectors (node, token, at) SELECT {node:UInt32}, {token:String}, ${ENGINE_NOW_MS}`,
    { node, token },
  );

/** The tokens that were written for each number within the lease. */
async function holders(engine: Engine): Promise<Map<number, Set<string>>> {
  const rows = await engine.query<{ node: number; token: string }>(
    `SELECT DISTINCT node, token FROM collectors WHERE at > ${ENGINE_NOW_MS} - {lease:UInt32}`,
    { lease: LEASE_MS },
  );
  const found = new Map<number, Set<string>>();
  for (const { node, token } of rows) found.set(node, (found.get(node) ?? new Set()).add(token));
  return found;
}
