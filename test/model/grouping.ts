/** One history lived twice, its appends grouped into commits in two ways: the views must come out byte for byte alike. */
import type { EventRequest } from '../../src/domain/event.js';
import { DAY_MS } from '../../src/domain/limits.js';
import type { WritableStore } from '../../src/store/port.js';
import { makeHistory, type Step } from './history.js';
import { type Subject, withDataDir } from './run.js';

/** A row of a view, as it lies in the engine. */
export type ViewRow = readonly [table: string, key: Uint8Array, value: Uint8Array];

export interface DumpingSubject<Engine extends WritableStore> extends Subject<Engine> {
  /** Every row of every view, in the order of tables and keys. */
  dumpViews(store: Engine, dataDir: string): Iterable<ViewRow> | Promise<Iterable<ViewRow>>;
}

/** Requests days apart never meet in one commit. */
const near = (group: readonly EventRequest[], step: Step & { do: 'append' }): boolean => {
  const [first, last] = [group[0], step.calls[0]?.[0]];
  return first !== undefined && last !== undefined && last.receivedAt - first.receivedAt < DAY_MS;
};

/** What is written, without questions and restarts, as appends of many batches: those with nothing in between. */
function writesOf(steps: readonly Step[]): (EventRequest[] | Step)[] {
  const writes: (EventRequest[] | Step)[] = [];
  for (const step of steps) {
    const last = writes.at(-1);
    if (step.do === 'append' && Array.isArray(last) && near(last, step)) last.push(...step.calls.flat());
    else if (step.do === 'append') writes.push(step.calls.flat());
    else if (step.do === 'putChunk' || step.do === 'sweep') writes.push(step);
  }
  return writes;
}

/** Puts a run of batches into the store: how they are grouped is what the two lives differ in. */
type Append = (store: WritableStore, batches: readonly EventRequest[]) => Promise<void>;

/** The first row that two dumps of the same views do not share. */
function firstRowDifference(
  [nameA, a]: readonly [string, Iterable<ViewRow>],
  [nameB, b]: readonly [string, Iterable<ViewRow>],
): string | undefined {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const show = (row: ViewRow | undefined): string =>
    row === undefined ? 'no more rows' : `${row[0]} ${hex(row[1])} → ${hex(row[2])}`;
  const rowsA = a[Symbol.iterator]();
  const rowsB = b[Symbol.iterator]();
  for (let number = 0; ; number++) {
    const [stepA, stepB] = [rowsA.next(), rowsB.next()];
    if (stepA.done && stepB.done) return undefined;
    const [left, right] = [show(stepA.value), show(stepB.value)];
    if (left !== right) return `row ${number}\n${nameA}: ${left}\n${nameB}: ${right}`;
  }
}

const oneByOne: Append = async (store, batches) => {
  for (const batch of batches) await store.append([batch]);
};

const allAtOnce: Append = async (store, batches) => {
  await store.append(batches);
};

async function viewsAfter<Engine extends WritableStore>(
  steps: readonly Step[],
  subject: DumpingSubject<Engine>,
  append: Append,
): Promise<ViewRow[]> {
  return withDataDir(async (dataDir) => {
    let now = 0;
    const store = await subject.open(dataDir, () => now);
    try {
      for (const write of writesOf(steps)) {
        if (Array.isArray(write)) await append(store, write);
        else if (write.do === 'putChunk') await store.putChunk(write.chunk);
        else if (write.do === 'sweep') await store.sweep(write.cutoffs);
        if (Array.isArray(write)) now = write.at(-1)?.receivedAt ?? now;
      }
      return Array.from(await subject.dumpViews(store, dataDir));
    } finally {
      await store.close();
    }
  });
}

/** Throws with the seed and the first row that differs. */
export async function compareGroupings<Engine extends WritableStore>(
  seed: number,
  subject: DumpingSubject<Engine>,
): Promise<void> {
  const steps = makeHistory(seed);
  const apart = await viewsAfter(steps, subject, oneByOne);
  const together = await viewsAfter(steps, subject, allAtOnce);
  const difference = firstRowDifference(['one by one', apart], ['all at once', together]);
  if (difference === undefined) return;
  throw new Error(
    `seed ${seed}: the views depend on how appends were grouped: ${difference}\nagain with: SPYGLASS_SEED=${seed}`,
  );
}
