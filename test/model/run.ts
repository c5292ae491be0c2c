/** Lives a history twice, in the model and in a real store, and stops at the first answer that differs. */
import { cpSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type StoredEvent, textOf } from '../../src/domain/event.js';
import { TAIL_TEXT_MAX } from '../../src/domain/limits.js';
import type { AppendResult, StoredChunk, TailPage, WritableStore } from '../../src/store/port.js';
import { brief, firstDifference } from './difference.js';
import { type Medium, makeHistory, type Step } from './history.js';
import { createModel, type Model } from './model.js';
import { putQuestion, type Question } from './questions.js';

/** The engine under test. */
export interface Subject<Engine extends WritableStore = WritableStore> {
  /** The histories it can live. What becomes of a batch sent to `ingest` is not told, only that it was taken. */
  readonly medium: Medium;
  /** True when the fence of a sweep is committed as soon as `sweep` was called: what is asked amid it is settled. */
  readonly fencesAtOnce: boolean;
  /** True when the text of a page is counted in bytes, not in UTF-16 code units. */
  readonly countsTextBytes?: boolean;
  /** Opens the store that lives in a folder; an empty folder is a new store. `now` is the history's clock. */
  open(dataDir: string, now: () => number): Promise<Engine>;
  /** Rebuilds every view beside the real ones and compares bytes: what differs, or undefined. */
  verifyViews?(store: Engine, dataDir: string): Promise<string | undefined>;
}

/** A chunk's `etag` is the engine's own: remembered, to see that it changes exactly when the bytes do. */
type Etags = Map<string, { etag: string; bytes: Uint8Array }>;

interface Run {
  subject: Subject;
  model: Model;
  store: WritableStore;
  /** Where the store lives now; after a crash, another folder. */
  dataDir: string;
  etags: Etags;
  /** When the latest request arrived. */
  now: number;
}

const MEMORY = '/dev/shm';
/** Much more than a history takes: LMDB does not survive a full disk under its map. */
const MEMORY_BYTES = 512 * 1_048_576;

/** Where data folders go: into memory where there is some, for a history is about answers, not about the disk. */
async function placeForData(): Promise<string> {
  const memory = await statfs(MEMORY).catch(() => undefined);
  return memory !== undefined && memory.bavail * memory.bsize >= MEMORY_BYTES ? MEMORY : tmpdir();
}

export async function withDataDir<T>(use: (dataDir: string) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(await placeForData(), 'spyglass-model-'));
  try {
    return await use(dataDir);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Why a batch was refused is the engine's to word; that it was is not. */
function outcomes(results: readonly PromiseSettledResult<AppendResult>[], medium: Medium): string[] {
  return results.map((result) => {
    if (result.status === 'rejected') return 'rejected';
    return medium === 'ingest' ? 'taken' : result.value;
  });
}

/**
 * `next` may be any id up to which nothing readable was left out, so it is judged, not compared: at least the last
 * event given, less than the first not given, and the head when none is left.
 */
function tailDifference(expected: TailPage, got: TailPage, store: TailPage): string | undefined {
  const difference = firstDifference({ ...expected, next: 0 }, { ...got, next: 0 });
  if (difference !== undefined) return difference;
  const firstLeft = store.events[0]?.id;
  if (firstLeft === undefined) return firstDifference(expected.head, got.next, 'answer.next');
  const inOrder = got.next >= (got.events.at(-1)?.id ?? 0) && got.next < firstLeft;
  return inOrder ? undefined : `answer.next: expected ${expected.next} … ${firstLeft - 1}, got ${got.next}`;
}

function chunkDifference(
  etags: Etags,
  place: string,
  expected: StoredChunk | undefined,
  got: StoredChunk | undefined,
): string | undefined {
  const difference = firstDifference(expected?.bytes, got?.bytes, 'answer.bytes');
  if (difference !== undefined || expected === undefined || got === undefined) return difference;
  // The model's etag names the upload.
  for (const [upload, known] of etags) {
    if (!upload.startsWith(`${place} `)) continue;
    const sameUpload = upload === `${place} ${expected.etag}`;
    if (sameUpload && known.etag !== got.etag) return `answer.etag: was ${known.etag}, got ${got.etag}`;
    const sameBytes = Buffer.compare(known.bytes, got.bytes) === 0;
    if (!sameBytes && known.etag === got.etag) return `answer.etag: ${got.etag} again for other bytes`;
  }
  etags.set(`${place} ${expected.etag}`, got);
  return undefined;
}

const textBytes = ({ name, url, props }: StoredEvent): number =>
  Buffer.byteLength(`${name}${url ?? ''}${props ?? ''}`);

async function compare(run: Run, question: Question, expected: unknown, got: unknown) {
  if (question.ask === 'tail') {
    const answer = got as TailPage;
    // A page may end sooner than its limit, once it holds text enough.
    const sizeOf = run.subject.countsTextBytes ? textBytes : textOf;
    const text = answer.events.reduce((sum, event) => sum + sizeOf(event), 0);
    const limit = text > TAIL_TEXT_MAX ? Math.min(question.limit, answer.events.length) : question.limit;
    const page =
      limit < question.limit ? await run.model.tail(question.after, limit) : (expected as TailPage);
    return tailDifference(page, answer, await run.model.tail(page.events.at(-1)?.id ?? question.after, 1));
  }
  if (question.ask === 'chunk') {
    const place = JSON.stringify([question.app, question.session, question.seq]);
    return chunkDifference(run.etags, place, expected as StoredChunk, got as StoredChunk);
  }
  return firstDifference(expected, got);
}

async function askBoth(run: Run, questions: readonly Question[]): Promise<void> {
  const answers = await Promise.allSettled(questions.map((question) => putQuestion(run.store, question)));
  for (const [index, question] of questions.entries()) {
    const expected = await putQuestion(run.model, question);
    const answer = answers[index];
    const failure =
      answer?.status === 'fulfilled'
        ? await compare(run, question, expected, answer.value)
        : `the read failed: ${answer?.reason instanceof Error ? answer.reason.stack : String(answer?.reason)}`;
    if (failure === undefined) continue;
    const got = answer?.status === 'fulfilled' ? answer.value : undefined;
    throw new Error(
      [failure, `question: ${brief(question)}`, `expected: ${brief(expected)}`, `got: ${brief(got)}`].join(
        '\n',
      ),
    );
  }
}

function mustEqual(expected: unknown, got: unknown, what: string): void {
  const difference = firstDifference(expected, got, what);
  if (difference !== undefined) throw new Error(difference);
}

/** What a power cut at this moment would leave: the folder as it lies on the disk, between two transactions. */
function imageOf(run: Run): string {
  const image = `${run.dataDir}+`;
  cpSync(run.dataDir, image, { recursive: true, filter: (path) => !/(\.sock|-lock)$/.test(path) });
  return image;
}

async function reopen(run: Run, dataDir: string): Promise<void> {
  await run.store.close();
  run.dataDir = dataDir;
  run.store = await run.subject.open(dataDir, () => run.now);
  run.model.restart();
}

async function sweep(run: Run, { cutoffs, amid, end }: Step & { do: 'sweep' }): Promise<void> {
  const expected = await run.model.sweep(cutoffs);
  const sweeping = run.store.sweep(cutoffs);
  if (!run.subject.fencesAtOnce) mustEqual(expected, await sweeping, 'sweep');
  try {
    for (const step of amid) {
      await takeStep(run, step);
      await nextTurn();
    }
  } catch (error) {
    await Promise.allSettled([sweeping]);
    throw error;
  }
  const image = end === 'crash' && run.subject.fencesAtOnce ? imageOf(run) : undefined;
  mustEqual(expected, await sweeping, 'sweep');
  if (image === undefined) return;
  await reopen(run, image);
  for (const step of amid) if (step.do === 'ask') await takeStep(run, step);
  // How much was left to do nobody knows.
  await run.store.sweep(cutoffs);
}

async function takeStep(run: Run, step: Step): Promise<void> {
  switch (step.do) {
    case 'append': {
      run.now = step.calls.at(-1)?.at(-1)?.receivedAt ?? run.now;
      const got = await Promise.all(step.calls.map((batches) => run.store.append(batches)));
      const { medium } = run.subject;
      for (const [call, batches] of step.calls.entries()) {
        const expected = outcomes(await run.model.append(batches), medium);
        mustEqual(expected, outcomes(got[call] ?? [], medium), `append ${call}`);
      }
      return;
    }
    case 'putChunk':
      await run.store.putChunk(step.chunk);
      return run.model.putChunk(step.chunk);
    case 'sweep':
      return sweep(run, step);
    case 'restart':
      return reopen(run, run.dataDir);
    case 'verify': {
      const difference = await run.subject.verifyViews?.(run.store, run.dataDir);
      if (difference !== undefined) throw new Error(`a rebuild differs from the views: ${difference}`);
      return;
    }
    case 'ask':
      return askBoth(run, step.questions);
  }
}

/** Lives the steps in a fresh folder; throws at the first difference, with the step it came at. */
export async function runHistory(steps: readonly Step[], subject: Subject): Promise<void> {
  await withDataDir(async (folder) => {
    const dataDir = join(folder, 'data');
    let now = (): number => 0;
    const store = await subject.open(dataDir, () => now());
    const run: Run = { subject, model: createModel(), store, dataDir, etags: new Map(), now: 0 };
    now = () => run.now;
    try {
      for (const [index, step] of steps.entries()) {
        await takeStep(run, step).catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error);
          throw new Error(`step ${index} of ${steps.length} (${step.do}): ${reason}`, { cause: error });
        });
      }
    } finally {
      await run.store.close();
    }
  });
}

/** Lives the history of a seed; the error of a difference names the seed, the step, the question and both answers. */
export async function runSeed(seed: number, subject: Subject): Promise<void> {
  await runHistory(makeHistory(seed, subject.medium), subject).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}, ${reason}\nagain with: SPYGLASS_SEED=${seed}`, { cause: error });
  });
}
