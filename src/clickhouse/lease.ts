/**
 * A collector's number among all that run: claimed at the start, renewed while it runs, free again a while after it ended.
 *
 * To claim one: choose a number nobody renewed of late, say so, and look again. A claim counts only if nobody else's is there. Of two
 * that claim the same number at once, whoever looks last sees both: both may give way, never both stay, since what one wrote before it
 * looked is there for the other to see. A collector that could not renew for half the lease gives no more ids under its number, and claims
 * another one when the engine is back.
 * Clocks that disagree by less than half the lease do no harm.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { ClickhouseUnusable, type Engine } from './connect.js';
import { NODES } from './ids.js';

const LEASE_MS = 10 * 60_000;
const RENEW_MS = 60_000;
const TRIES = 20;

export interface Lease {
  /** Another one after a lapse. */
  node(): number;
  /** Whether ids may be given under it now. */
  holds(): boolean;
  end(): void;
}

/** Throws `ClickhouseUnusable` when every number is taken. */
export async function takeNode(engine: Engine): Promise<Lease> {
  const token = randomUUID();
  let node = await claim(engine, token);
  let renewedAt = Date.now();
  const holds = (): boolean => Date.now() - renewedAt < LEASE_MS / 2;

  const renew = async (): Promise<void> => {
    const at = Date.now();
    // After a lapse the number may be somebody else's by now.
    if (holds()) await say(engine, node, token);
    else node = await claim(engine, randomUUID());
    renewedAt = at;
  };
  const timer = setInterval(() => {
    renew().catch(() => {}); // `holds` tells in time
  }, RENEW_MS);
  timer.unref();
  return { node: () => node, holds, end: () => clearInterval(timer) };
}

async function claim(engine: Engine, token: string): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const taken = await holders(engine);
    const free = Array.from({ length: NODES }, (_, node) => node).filter((node) => !taken.has(node));
    const node = free[randomInt(Math.max(1, free.length))];
    if (node === undefined)
      throw new ClickhouseUnusable(`${NODES} collectors run on this database: no more can`);
    await say(engine, node, token);
    const mine = (await holders(engine)).get(node);
    if (mine?.size === 1 && mine.has(token)) return node;
  }
  throw new ClickhouseUnusable('no number could be claimed for this collector: start it again');
}

const say = (engine: Engine, node: number, token: string): Promise<void> =>
  engine.insert('collectors', [{ node, token, at: Date.now() }]);

/** Who said of late that it holds a number, by number. */
async function holders(engine: Engine): Promise<Map<number, Set<string>>> {
  const rows = await engine.query<{ node: number; token: string }>(
    'SELECT DISTINCT node, token FROM collectors WHERE at > {since:UInt64}',
    { since: Date.now() - LEASE_MS },
  );
  const found = new Map<number, Set<string>>();
  for (const { node, token } of rows) found.set(node, (found.get(node) ?? new Set()).add(token));
  return found;
}
