/** One history lived twice, its appends grouped into commits in two ways: the views must come out byte for byte alike. */
import type { EventBatch } from '../../src/event.js';
import type { Store } from '../../src/store/store.js';
import { makeHistory, type Step } from './history.js';
import { type Subject, withDataDir } from './run.js';

/** A row of a view, as it lies in the engine. */
export type ViewRow = readonly [table: string, key: Uint8Array, value: Uint8Array];

export interface DumpingSubject<Engine extends Store> extends Subject<Engine> {
  /** Every row of every view, in the order of tables and keys. */
  dumpViews(store: Engine, dataDir: string): Iterable<ViewRow> | Promise<Iterable<ViewRow>>;
}

/** What is written, without questions and restarts, as appends of many batches: those with nothing in between. */
function writesOf(steps: readonly Step[]): (EventBatch[] | Step)[] {
  const writes: (EventBatch[] | Step)[] = [];
  for (const step of steps) {
    const last = writes.at(-1);
    if (step.do === 'append' && Array.isArray(last)) last.push(...step.calls.flat());
    else if (step.do === 'append') writes.push(step.calls.flat());
    else if (step.do === 'putChunk' || step.do === 'sweep') writes.push(step);
  }
  return writes;
}

/** Puts a run of batches into the store: how they are grouped is what the two lives differ in. */
type Append = (store: Store, batches: readonly EventBatch[]) => Promise<void>;

const oneByOne: Append = async (store, batches) => {
  for (const batch of batches) await store.append([batch]);
};

const allAtOnce: Append = async (store, batches) => {
  await store.append(batches);
};

async function viewsAfter<Engine extends Store>(
  steps: readonly Step[],
  subject: DumpingSubject<Engine>,
  append: Append,
): Promise<string[]> {
  return withDataDir(async (dataDir) => {
    const store = await subject.open(dataDir);
    try {
      for (const write of writesOf(steps)) {
        if (Array.isArray(write)) await append(store, write);
        else if (write.do === 'putChunk') await store.putChunk(write.chunk);
        else if (write.do === 'sweep') await store.sweep(write.cutoffs);
      }
      const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
      return Array.from(await subject.dumpViews(store, dataDir), ([table, key, value]) =>
        [table, hex(key), hex(value)].join(' '),
      );
    } finally {
      await store.close();
    }
  });
}

/** Throws with the seed and the first row that differs. */
export async function compareGroupings<Engine extends Store>(
  seed: number,
  subject: DumpingSubject<Engine>,
): Promise<void> {
  const steps = makeHistory(seed);
  const apart = await viewsAfter(steps, subject, oneByOne);
  const together = await viewsAfter(steps, subject, allAtOnce);
  const rows = Math.max(apart.length, together.length);
  for (let row = 0; row < rows; row++) {
    if (apart[row] === together[row]) continue;
    throw new Error(
      [
        `seed ${seed}, row ${row} of the views differs by how appends were grouped`,
        `one by one:  ${apart[row]?.slice(0, 2_000)}`,
        `all at once: ${together[row]?.slice(0, 2_000)}`,
        `again with: SPYGLASS_SEED=${seed}`,
      ].join('\n'),
    );
  }
}
