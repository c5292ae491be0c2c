/** Random histories of a store's life as plain data: what is written, swept, restarted and asked, in order. */
import { EVENT_TYPES, type EventRequest, type NewEvent } from '../../src/domain/event.js';
import { BATCH_EVENTS_MAX, DAY_MS, MIN_TS, SEEN_MS } from '../../src/domain/limits.js';
import type { NewChunk, SweepCutoffs } from '../../src/store/port.js';
import { examination, pickApps, pickQuestion, pickSweepQuestion, type Question } from './questions.js';
import { createRandom, type Random } from './random.js';
import {
  createWorld,
  DAYS,
  FIRST_DAY,
  FIRST_RECEIPT,
  nearMidnight,
  pickPerson,
  pickProps,
  pickTs,
  type World,
} from './world.js';

export type Step =
  /** Calls of `append` made at once, without waiting for one another. */
  | { do: 'append'; calls: EventRequest[][] }
  | { do: 'putChunk'; chunk: NewChunk }
  /**
   * `amid` is what happens while the sweep of events is under way. After a `crash` the store is opened again from what
   * lay on the disk in the midst of it, and the sweep is made again.
   */
  | { do: 'sweep'; cutoffs: SweepCutoffs; amid: Step[]; end: 'finished' | 'crash' }
  /** Closes the store and opens its folder again. */
  | { do: 'restart' }
  /** Rebuilds every view from the log and compares the bytes. */
  | { do: 'verify' }
  /** Questions asked at once. */
  | { do: 'ask'; questions: Question[] };

/**
 * Where a history is lived. What is sent to `ingest` is not imported, the client does not say what its time was, and no time
 * is one that cannot be. Over HTTP, besides, a request arrives when it arrives, and is about one app or all that there are.
 */
export type Medium = 'port' | 'ingest' | 'http';

interface Making {
  medium: Medium;
  random: Random;
  world: World;
  /** Time of receipt; moves forward only, as a server's clock does. */
  now: number;
  lastTs: number;
  /** No event has an id this great yet. */
  nextId: number;
  batchIds: string[];
}

/** A session's events in a row, as an SDK sends them: sometimes more than one record batch holds. */
function runLength(making: Making): number {
  const { random, world } = making;
  if (world.shape === 'dense' && random.oneIn(8)) return random.between(400, 1_100);
  if (world.shape === 'long' && random.oneIn(6))
    return random.between(BATCH_EVENTS_MAX - 2, 2 * BATCH_EVENTS_MAX + 2);
  if (world.shape === 'wide' || world.shape === 'swept') return random.between(1, 3);
  return random.oneIn(8) ? random.between(10, 30) : random.between(1, 5);
}

function makeEvent(making: Making, user_id: string, session_id: string): NewEvent {
  const { random, world } = making;
  const event: NewEvent = {
    ts: making.lastTs,
    user_id,
    session_id,
    type: random.oneIn(2) ? random.pick(['event', 'pageview', 'error']) : random.pick(EVENT_TYPES),
    name: random.pick(world.names),
  };
  if (random.oneIn(3)) event.url = random.pick(['/', '/home', '/é/\u{1F600}?q=1#x', '']);
  if (random.oneIn(3)) event.props = pickProps(random);
  if (random.oneIn(6)) event.user = { ...pickPerson(random) };
  if (making.medium !== 'port') return { ...event, ts: plausible(event.ts) };
  if (random.oneIn(10)) event.client_ts = random.pick([0, making.lastTs + 3_600_001, 2 ** 48 - 1]);
  return event;
}

/** A time that ingest takes as it is. */
const plausible = (ts: number): number => Math.min(Math.max(ts, MIN_TS), FIRST_RECEIPT);

function makeRun(making: Making): NewEvent[] {
  const { random, world } = making;
  const user = random.pick(world.users);
  const session = random.pick(world.sessions);
  making.lastTs = pickTs(random, world, making.lastTs);
  const dense = world.shape === 'dense' || random.oneIn(2);
  return Array.from({ length: runLength(making) }, () => {
    const event = makeEvent(making, user, session);
    if (dense) making.lastTs = Math.min(2 ** 48 - 1, making.lastTs + random.pick([0, 1, 40]));
    else making.lastTs = pickTs(random, world, making.lastTs);
    return event;
  });
}

/** A new name for a batch, one used before, or none. */
function pickBatchId(making: Making): string | undefined {
  const { random, world, batchIds } = making;
  if (random.oneIn(3)) return undefined;
  const enough = world.retrying ? 3 : Number.POSITIVE_INFINITY;
  if (batchIds.length > 0 && (random.oneIn(3) || batchIds.length >= enough)) {
    return random.pick(batchIds.slice(random.pick([0, -1, -3])));
  }
  const batchId = `batch-${batchIds.length}-${random.pick(['x', 'é', '\u{1F600}'])}`;
  batchIds.push(batchId);
  return batchId;
}

function makeBatch(making: Making): EventRequest {
  const { random, world } = making;
  const many = world.shape === 'wide' || world.shape === 'swept';
  const runs = many ? random.between(5, 20) : random.between(0, 4);
  const events = Array.from({ length: runs }, () => makeRun(making)).flat();
  const batchId = pickBatchId(making);
  const batch: EventRequest = { app: random.pick(world.apps), receivedAt: making.now, events };
  // Ingest remembers no batch without events.
  if (batchId !== undefined && (events.length > 0 || making.medium === 'port')) batch.batchId = batchId;
  if (making.medium === 'port' && events.length > 0 && random.oneIn(25)) {
    making.nextId += random.pick([0, 1, 1_000]);
    // Now and then ids that were given long ago: refused.
    batch.firstId = random.oneIn(3) ? random.between(1, 3) : making.nextId;
  }
  making.nextId += events.length;
  return batch;
}

function makeAppend(making: Making): Step {
  const { random } = making;
  const calls = random.oneIn(3) ? random.between(2, 5) : 1;
  return {
    do: 'append',
    calls: Array.from({ length: calls }, () =>
      Array.from({ length: random.oneIn(3) ? random.between(2, 4) : 1 }, () => makeBatch(making)),
    ),
  };
}

function makeChunk(making: Making): Step {
  const { random, world } = making;
  const noise = Array.from({ length: random.between(0, 40) }, () => random.below(256));
  const chunk: NewChunk = {
    app: random.pick(world.apps),
    session: random.pick(world.recorded),
    seq: random.oneIn(20) ? 1_000_000 : random.between(1, 3),
    receivedAt: making.now,
    bytes: Uint8Array.from([0x1f, 0x8b, 8, ...noise]),
  };
  const ts = pickTs(random, world, making.lastTs);
  if (random.oneIn(3)) return { do: 'putChunk', chunk };
  return { do: 'putChunk', chunk: { ...chunk, ts: making.medium === 'http' ? plausible(ts) : ts } };
}

function makeSweep(making: Making): Step {
  const { random, medium } = making;
  const today = Math.floor(making.now / DAY_MS) * DAY_MS;
  // Early days most often, or there would soon be nothing left to ask about.
  const eventsBefore = FIRST_DAY + random.pick([0, 1, 1, 1, 2, 2, 3, DAYS]) * DAY_MS;
  const replaysBefore = today - random.pick([0, 1, 7]) * DAY_MS;
  const way = medium === 'http' ? 0 : random.below(4);
  if (way > 1) {
    const cutoffs = way === 2 ? { replaysBefore } : { eventsBefore, replaysBefore };
    return { do: 'sweep', cutoffs, amid: [], end: 'finished' };
  }
  const amid = Array.from({ length: random.between(0, 4) }, () =>
    random.oneIn(4) ? makeAppend(making) : ask(making, random.between(4, 12), pickSweepQuestion),
  );
  return { do: 'sweep', cutoffs: { eventsBefore }, amid, end: random.oneIn(3) ? 'crash' : 'finished' };
}

/** Lets time pass: mostly seconds or none, now and then until remembered batches are almost, or just, forgotten. */
function passTime(making: Making): void {
  const { random, world, medium } = making;
  if (medium === 'http' || random.oneIn(4)) return;
  const way = random.below(world.retrying ? 5 : 24);
  if (way < 2) making.now += random.pick([SEEN_MS / 2, SEEN_MS / 2 + 1, SEEN_MS - 1, SEEN_MS, SEEN_MS + 1]);
  else if (way < 4) making.now = Math.ceil(making.now / DAY_MS) * DAY_MS;
  else making.now += random.below(60_000);
}

function ask(making: Making, count: number, pick = pickQuestion): Step {
  const { medium, random, world, nextId } = making;
  const questions = Array.from({ length: count }, () => pick(random, world, nextId));
  if (medium === 'http') return { do: 'ask', questions };
  return {
    do: 'ask',
    questions: questions.map((one) => (random.oneIn(3) ? { ...one, apps: pickApps(random, world) } : one)),
  };
}

/** Lists of apps that a reader could be kept to: none, all but one, and one that has nothing among them. */
function listsOf({ medium, world: { apps } }: Making): string[][] {
  return medium === 'http' ? [] : [[], apps.slice(1), [...apps.slice(0, -1), 'nobody-knows']];
}

/** Over HTTP, to ask for an event is to ask for what happened around it. */
function askForIncidents({ random, nextId }: Making): Step {
  const questions = Array.from(
    { length: 60 },
    (): Question => ({ ask: 'event', id: random.between(1, nextId) }),
  );
  return { do: 'ask', questions };
}

function makeWrite(making: Making): Step {
  const { random, world } = making;
  if (random.oneIn(world.shape === 'swept' ? 5 : 12)) return makeSweep(making);
  if (random.oneIn(10)) return { do: 'restart' };
  if (random.oneIn(4)) return makeChunk(making);
  return makeAppend(making);
}

/** The history of a seed: the same one every time. */
export function makeHistory(seed: number, medium: Medium = 'port'): Step[] {
  const random = createRandom(seed);
  const world = createWorld(random, medium === 'http' ? 3 : 4);
  const making: Making = {
    medium,
    random,
    world,
    now: FIRST_RECEIPT,
    lastTs: nearMidnight(random),
    nextId: 1,
    batchIds: [],
  };
  const steps: Step[] = [ask(making, 2)];
  const writes = random.between(6, 20);
  for (let write = 0; write < writes; write++) {
    steps.push(makeWrite(making));
    passTime(making);
    if (random.oneIn(2)) steps.push(ask(making, random.between(2, 8)));
    if (random.oneIn(12)) steps.push({ do: 'verify' });
  }
  const everything: Step = { do: 'ask', questions: examination(world, listsOf(making)) };
  if (medium === 'http') steps.push(askForIncidents(making));
  steps.push(everything, { do: 'verify' }, { do: 'restart' }, ask(making, 12), everything);
  return steps;
}
