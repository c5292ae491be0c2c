/**
 * Plays histories against a collector over HTTP and prints a digest of its answers for each seed, so that two releases can
 * be compared byte for byte: `node dist/test/model/answers.js --seeds 1000 [--from 1] [--dump DIR]`. With `DIR`, what was
 * digested goes there too, a file a seed.
 *
 * A collector takes longer to start than a history to play, so it lives through several, one after the other. Only the last
 * one has its sweeps, since a sweep would leave nothing for the next. What is slow and much the same for every collector,
 * restarts and erasures among it, is done by some of them.
 */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCollector, type TestCollector } from '../support/collector.js';
import { apps, DAY } from '../support/http.js';
import type { ErrorGroupsAnswer, EventsAnswer } from '../support/rows.js';
import { makeHistory, type Step } from './history.js';
import type { Question } from './questions.js';
import { createRecorder, type Recorder } from './recorder.js';
import { withDataDir } from './run.js';
import {
  askAsReaders,
  askBadly,
  askForReplays,
  follow,
  noteFigures,
  OPERATOR,
  readPasswordOf,
  VIEWER,
} from './tour.js';
import { pathOf, queryOf, sendBatch, sendChunk, URL_CHARACTERS_MAX } from './wire.js';
import { APPS } from './world.js';

const SEEDS_A_COLLECTOR = 20;
/** A user is erased once in so many seeds; the collectors in between are restarted instead. */
const SEEDS_AN_ERASURE = 40;
/** The routes are asked badly once in so many seeds. */
const SEEDS_A_TOUR = 100;
/** Of a listing's pages and of a history's incidents; more of them say no more. */
const PAGES_MAX = 3;
const INCIDENTS_MAX = 8;
const BODY_BYTES_MAX = 30 * 1_048_576;

interface Play {
  seed: number;
  /** The last history of its collector. */
  isLast: boolean;
  collector: TestCollector;
  recorder: Recorder;
  /** The newest id before the history: its questions know ids from 1. */
  head: number;
}

/** Walks a listing by its cursors. */
async function askForPages(
  { ask }: Recorder,
  route: string,
  query: Record<string, string | number>,
  limits: readonly number[],
): Promise<void> {
  let cursor: string | undefined;
  for (let turn = 0; turn < PAGES_MAX; turn++) {
    const limit = limits[turn % limits.length];
    const { status, text } = await ask(`${route}?${queryOf({ ...query, limit, cursor })}`);
    cursor = status === 200 ? (JSON.parse(text) as EventsAnswer).next_cursor : undefined;
    if (cursor === undefined) return;
  }
}

async function askQuestion({ recorder, head }: Play, question: Question): Promise<void> {
  switch (question.ask) {
    case 'pages':
      return askForPages(recorder, '/v1/query/events', { ...question.query }, question.limits);
    case 'errorGroup': {
      const { limit, app: _, ...range } = question.query;
      const { text } = await recorder.ask(`/v1/query/errors?${queryOf({ ...question.query, limit: 500 })}`);
      const { group = 'no-group' } = (JSON.parse(text) as ErrorGroupsAnswer).groups[question.place] ?? {};
      await recorder.ask(`/v1/query/errors?${queryOf({ ...range, group })}`);
      return askForPages(recorder, '/v1/query/occurrences', { ...range, group }, [limit]);
    }
    case 'event':
      await recorder.ask(`/v1/incidents/${question.id + head}`);
      return;
    default: {
      const path = pathOf(question);
      if (path !== undefined && path.length <= URL_CHARACTERS_MAX) await recorder.ask(path);
    }
  }
}

const hasErasure = (seed: number): boolean => seed % SEEDS_AN_ERASURE === 0;

async function takeStep(play: Play, step: Step): Promise<void> {
  const { seed, isLast, collector } = play;
  switch (step.do) {
    case 'append':
      for (const batch of step.calls.flat()) {
        const named = batch.batchId === undefined ? batch : { ...batch, batchId: `${seed}-${batch.batchId}` };
        await sendBatch(collector.url, named);
      }
      return;
    case 'putChunk':
      return sendChunk(collector.url, step.chunk);
    case 'sweep':
      if (isLast) await collector.store.sweep(step.cutoffs);
      for (const after of step.amid) await takeStep(play, after);
      return;
    case 'ask':
      for (const question of step.questions) await askQuestion(play, question);
      return;
    case 'restart':
      return isLast && !hasErasure(seed) ? collector.restart() : undefined;
    case 'verify':
      return;
  }
}

/**
 * What a history is played as: with one restart at most, before the last questions, and without its last questions but at a
 * collector's end, since they are about all that is stored.
 */
function stepsOf(seed: number, isLast: boolean): Step[] {
  const steps = makeHistory(seed, 'http');
  const everything = steps.at(-1);
  const lastRestart = steps.findLast((step) => step.do === 'restart');
  return steps
    .filter((step) => step !== everything && (step.do !== 'restart' || step === lastRestart))
    .map((step) =>
      step.do === 'ask' ? { ...step, questions: step.questions.slice(0, INCIDENTS_MAX) } : step,
    )
    .concat(isLast && everything ? [everything] : []);
}

/** The end of a collector: the stream, a user erased, everything looked at again, and the replays expired. */
async function end(play: Play, steps: readonly Step[]): Promise<void> {
  const { seed, recorder, collector } = play;
  const batches = steps.flatMap((step) => (step.do === 'append' ? step.calls.flat() : []));
  if (seed % SEEDS_A_TOUR === 0) {
    await askBadly(recorder);
    await askAsReaders(recorder);
    await noteFigures(recorder, collector);
  }
  await follow(recorder, collector, batches[0]?.app ?? 'a');
  await askForReplays(recorder, steps);
  if (hasErasure(seed)) {
    const { user_id: user = 'alice' } = batches.find(({ events }) => events.length > 0)?.events[0] ?? {};
    const erased = await recorder.ask('/v1/erase', { method: 'POST', body: JSON.stringify({ user }) });
    assert.equal(erased.status, 200, erased.text);
    const everything = steps.at(-1);
    if (everything) await takeStep(play, everything);
    await askForReplays(recorder, steps);
  }
  await collector.store.sweep({ replaysBefore: Date.now() + DAY });
  await askForReplays(recorder, steps);
  await recorder.ask('/v1/audit');
}

async function playHistory(play: Play): Promise<void> {
  const steps = stepsOf(play.seed, play.isLast);
  for (const step of steps) await takeStep(play, step);
  if (play.isLast) await end(play, steps);
}

/** Plays the histories from `first` on that share a collector; `take` gets what was recorded of each. */
async function playTogether(
  first: number,
  take: (seed: number, recorder: Recorder) => Promise<void>,
): Promise<void> {
  await withDataDir(async (dataDir) => {
    const configured = Object.entries(apps(...APPS)).map(([name, app]) => [
      name,
      { ...app, read_password: readPasswordOf(name) },
    ]);
    const collector = await startCollector({
      dataDir: join(dataDir, 'data'),
      apps: Object.fromEntries(configured),
      auth: { dashboard_password: OPERATOR, viewer_password: VIEWER },
      limits: { body_bytes: BODY_BYTES_MAX },
    });
    const recorder = createRecorder(() => collector.url, OPERATOR);
    try {
      for (let seed = first; seed < first + SEEDS_A_COLLECTOR; seed++) {
        const { text } = await recorder.ask('/v1/query/events?limit=1');
        const { head } = JSON.parse(text) as EventsAnswer;
        const isLast = seed === first + SEEDS_A_COLLECTOR - 1;
        await playHistory({ seed, isLast, collector, recorder, head });
        await take(seed, recorder);
      }
    } finally {
      await collector.close();
    }
  });
}

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, from: { type: 'string' }, dump: { type: 'string' } },
});
const seeds = Number(values.seeds ?? 100);
const from = Number(values.from ?? 1);
const { dump } = values;
if (!Number.isSafeInteger(seeds) || !(from > 0)) throw new Error('--seeds and --from are numbers');
if (dump !== undefined) await mkdir(dump, { recursive: true });

// Whole collectors, so that a seed has one digest however many are asked for.
for (let first = from - ((from - 1) % SEEDS_A_COLLECTOR); first < from + seeds; first += SEEDS_A_COLLECTOR) {
  await playTogether(first, async (seed, recorder) => {
    const { bytes, sha256 } = recorder.take();
    console.log(`seed ${seed} ${sha256}`);
    if (dump !== undefined) await writeFile(join(dump, `${seed}.txt`), bytes);
  });
}
