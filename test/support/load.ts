/** Clients that keep sending batches to a collector that may go away at any moment, as an SDK would. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { APP, KEY } from './collector.js';

export interface Load {
  /** Stops beginning batches; settles once each one begun was acknowledged. */
  finish(): Promise<void>;
  /** Names of the events of each batch that was acknowledged, in the order in which they stood in it. */
  readonly acknowledged: readonly (readonly string[])[];
  /** Answers that were neither a 204 nor a polite refusal. */
  readonly surprises: readonly string[];
  /** How often a batch was sent again. */
  readonly retries: number;
}

const RETRY_MS = 15;
const BATCH_EVENTS_MAX = 12;
/** What a collector that is going down, or is full, may say. */
const REFUSALS = [429, 503];

/**
 * Starts `clients` at the collector; each sends a batch until it is acknowledged, then the next. `url` is asked before every
 * try. Names are unique but for those `shared`, one of which ends each batch.
 */
export function startLoad(url: () => string, clients: number, shared: readonly string[] = []): Load {
  const acknowledged: string[][] = [];
  const surprises: string[] = [];
  let retries = 0;
  let finishing = false;

  const client = async (number: number) => {
    for (let n = 0; !finishing; n++) {
      const names = Array.from(
        { length: 1 + ((n * 7 + number) % BATCH_EVENTS_MAX) },
        (_, i) => `c${number}-${n}-${i}`,
      );
      if (shared.length > 0) names.push(shared[(n * 5 + number) % shared.length] ?? '');
      const body = JSON.stringify({
        app: APP,
        key: KEY,
        batch_id: randomUUID(),
        events: names.map((name, i) => ({
          ts: 1_770_000_000_000 + n * 1_000 + i,
          user_id: `user${number}`,
          session_id: `session${number}-${Math.floor(n / 10)}`,
          type: i % 5 === 0 ? 'error' : 'event',
          name,
        })),
      });
      while (!(await isAcknowledged(body))) {
        retries += 1;
        await sleep(RETRY_MS);
      }
      acknowledged.push(names);
    }
  };

  const isAcknowledged = async (body: string): Promise<boolean> => {
    try {
      const answer = await fetch(`${url()}/v1/events`, { method: 'POST', body });
      const text = await answer.text();
      if (answer.status !== 204 && !REFUSALS.includes(answer.status))
        surprises.push(`${answer.status} ${text}`);
      return answer.status === 204;
    } catch {
      return false; // nobody there, or gone half-way
    }
  };

  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    acknowledged,
    surprises,
    get retries() {
      return retries;
    },
    finish: async () => {
      finishing = true;
      await running;
    },
  };
}

/**
 * Holds an export against what was acknowledged: every event once, every batch in one piece and in its order, ids
 * from 1 on without a gap but for `erased` events. Throws an assertion error that names what is not so.
 */
export function assertExactlyOnce(
  exported: string,
  acknowledged: readonly (readonly string[])[],
  { erased = 0 } = {},
): void {
  const rows = exported
    .split('\n')
    .filter((line) => line.startsWith('{"id":'))
    .map((line) => JSON.parse(line) as { id: number; name: string });
  const gaps = rows.map(({ id }, index) => id - (rows[index - 1]?.id ?? 0) - 1);
  assert.ok(
    gaps.every((gap) => gap >= 0),
    'ids ascend',
  );
  assert.equal(
    gaps.reduce((sum, gap) => sum + gap, 0),
    erased,
    'ids are consecutive',
  );
  const places = new Map<string, number>();
  for (const { id, name } of rows) {
    assert.ok(!places.has(name), `${name} is there twice, as ${places.get(name)} and ${id}`);
    places.set(name, id);
  }
  for (const names of acknowledged) {
    const first = places.get(names[0] ?? '');
    assert.ok(first !== undefined, `${names[0]} was acknowledged and is not there`);
    for (const [index, name] of names.entries()) {
      assert.equal(places.get(name), first + index, `${name} follows in its batch`);
    }
  }
  assert.equal(rows.length, acknowledged.flat().length, 'nothing is there that was not sent');
}
