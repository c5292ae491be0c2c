/**
 * Plays a recording: fetches the chunks a moment needs, draws them, and fetches on while it plays.
 *
 * 1. `seek` finds the chunk of the moment, and the earlier ones down to the last picture of the whole page.
 * 2. A stage is made of them, or the one there is goes to the moment if it has it.
 * 3. While it plays, the chunks that follow are added before they are needed; where one is late, it waits.
 */
import { type ChunkReference, ClientError, noted } from '../api/client.js';
import type { Chunks } from './chunks.js';
import { type ConsoleLine, consoleLines, hasPicture, hasPictureBy, type RecordedEvent } from './recording.js';
import type { Stage } from './stage.js';

export interface PlayerState {
  /** Unix ms. */
  time: number;
  playing: boolean;
  /** Parts of the recording are on their way. */
  waiting: boolean;
  hurrying: boolean;
  speed: number;
  skipIdle: boolean;
  /** Of the recorded window, px. */
  size: { width: number; height: number };
  error: ClientError | undefined;
  /** Of the chunks fetched so far, in order. */
  lines: readonly ConsoleLine[];
  /** When the chunks fetched so far begin and end. */
  spans: readonly Span[];
  /** The times of the chunks that are not fetched: what happened then is not among the lines. */
  missing: readonly Span[];
  /** Chunks are fetched for their lines alone; and why that broke off. */
  fetching: boolean;
  fetchError: ClientError | undefined;
}

export interface Span {
  from: number;
  to: number;
}

export interface Player {
  play(): void;
  pause(): void;
  /** Goes to a moment, Unix ms, and goes on playing if it played. */
  seek(ts: number): void;
  setSpeed(speed: number): void;
  setSkipIdle(skipIdle: boolean): void;
  /** Fetches every chunk that can have something of a time, whatever is played. */
  fetchAll(span: Span): void;
  retry(): void;
  close(): void;
}

/** Chunks that begin within this are fetched while something else plays. */
const AHEAD_MS = 90_000;
/** Between two chunks nothing can be hurried through: where idle times are skipped, a longer pause is jumped over. */
const PAUSE_MS = 5_000;
const TICK_MS = 100;
/** Chunks fetched at a time on the way back to a picture of the whole page. */
const BACK_MAX = 16;

export const INITIAL: PlayerState = {
  time: 0,
  playing: false,
  waiting: true,
  hurrying: false,
  speed: 1,
  skipIdle: true,
  size: { width: 1280, height: 720 },
  error: undefined,
  lines: [],
  spans: [],
  missing: [],
  fetching: false,
  fetchError: undefined,
};

export const overlaps = (a: Span, b: Span): boolean => a.from <= b.to && a.to >= b.from;

const loadStage = () => import('./stage.js');

/** Has everything that the first picture takes on its way at once, before there is a frame to draw it in. */
export function prepare(chunks: Chunks, ts: number): void {
  // Whoever needs it meets the error, if there is one.
  Promise.all([loadStage(), chunks.load(indexAt(chunks.references, ts))]).catch(() => {});
}

/** The place of the chunk that has a moment: of the last that begins by then. */
function indexAt(references: readonly ChunkReference[], ts: number): number {
  const after = references.findIndex((reference) => reference.ts !== undefined && reference.ts > ts);
  return Math.max(0, (after === -1 ? references.length : after) - 1);
}

/** A player, and what it is at. */
interface Playback {
  readonly frame: HTMLIFrameElement;
  readonly chunks: Chunks;
  readonly onChange: (state: PlayerState) => void;
  state: PlayerState;
  stage: Stage | undefined;
  /** Places of the chunks on stage, both inclusive. */
  first: number;
  last: number;
  /** Only the newest seek matters. */
  turn: number;
  /** While it plays, chunks are fetched ahead one after the other. */
  isAhead: boolean;
  /** How many chunks were at hand when its state last told of them. */
  told: number;
  closed: boolean;
}

export function createPlayer(
  frame: HTMLIFrameElement,
  chunks: Chunks,
  onChange: (state: PlayerState) => void,
): Player {
  const playback: Playback = {
    ...{ frame, chunks, onChange, state: { ...INITIAL, ...told(chunks) } },
    ...{ stage: undefined, first: 0, last: -1, turn: 0, isAhead: false, told: 0, closed: false },
  };
  const timer = setInterval(() => tick(playback), TICK_MS);
  const change = (change: Partial<PlayerState>) => set(playback, change);
  return {
    play() {
      change({ playing: true });
      void seek(playback, playback.state.time);
    },
    pause() {
      change({ playing: false, hurrying: false });
      if (!playback.state.waiting) playback.stage?.pause(playback.state.time);
    },
    seek: (ts) => void seek(playback, ts),
    setSpeed(speed) {
      playback.stage?.setSpeed(speed);
      change({ speed });
    },
    setSkipIdle(skipIdle) {
      playback.stage?.setSkipIdle(skipIdle);
      change({ skipIdle, hurrying: false });
    },
    fetchAll: (span) => void fetchAll(playback, span),
    retry: () => void seek(playback, playback.state.time),
    close() {
      playback.turn++;
      playback.closed = true;
      clearInterval(timer);
      playback.stage?.close();
    },
  };
}

function set(playback: Playback, change: Partial<PlayerState>): void {
  if (playback.closed) return;
  playback.state = { ...playback.state, ...change };
  playback.onChange(playback.state);
}

async function load(playback: Playback, index: number): Promise<RecordedEvent[]> {
  const { chunks } = playback;
  const events = await chunks.load(index);
  if (chunks.count !== playback.told) {
    playback.told = chunks.count;
    set(playback, told(chunks));
  }
  return events;
}

const toPlayerError = (error: unknown): ClientError =>
  error instanceof ClientError
    ? noted(error)
    : new ClientError(200, 'This part of the recording cannot be shown.');

function fail(playback: Playback, error: unknown): void {
  set(playback, { error: toPlayerError(error), waiting: false, playing: false });
}

async function seek(playback: Playback, ts: number): Promise<void> {
  const mine = ++playback.turn;
  set(playback, { time: ts, waiting: true, hurrying: false, error: undefined });
  try {
    await draw(playback, ts, mine);
    if (mine !== playback.turn || playback.stage === undefined) return;
    if (playback.state.playing) playback.stage.play(ts);
    else playback.stage.pause(ts);
    set(playback, { waiting: false });
    await fetchAhead(playback, ts);
  } catch (error) {
    if (mine === playback.turn) fail(playback, error);
  }
}

/** Has the moment on stage. */
async function draw(playback: Playback, ts: number, mine: number): Promise<void> {
  const at = indexAt(playback.chunks.references, ts);
  if (playback.stage !== undefined && at >= playback.first && at <= playback.last) return;
  const { from, to, events } = await eventsFor(playback, ts);
  if (mine !== playback.turn) return;
  if (!hasPicture(events))
    throw new ClientError(200, 'This part of the recording has no picture to begin with.');
  const { createStage } = await loadStage();
  if (mine !== playback.turn || playback.closed) return;
  playback.stage?.close();
  const { speed, skipIdle } = playback.state;
  const stage = createStage(playback.frame, events, {
    ...{ speed, skipIdle },
    onEnd: () => {
      if (playback.stage === stage) void goOn(playback, stage);
    },
    onSize: (size) => set(playback, { size }),
    onHurry: (hurrying) => set(playback, { hurrying }),
  });
  playback.stage = stage;
  playback.first = from;
  playback.last = to;
}

/** The events that the moment's picture follows from, and the places of their chunks. */
async function eventsFor(
  playback: Playback,
  ts: number,
): Promise<{ from: number; to: number; events: RecordedEvent[] }> {
  const { chunks } = playback;
  const to = indexAt(chunks.references, ts);
  let from = to;
  let events = await load(playback, to);
  // The last picture may be one chunk back or a hundred: a few more at a time.
  for (let step = 1; from > 0 && !hasPictureBy(events, ts); step = Math.min(step * 2, BACK_MAX)) {
    const indexes = Array.from({ length: Math.min(step, from) }, (_, index) => from - index - 1).reverse();
    events = [...(await Promise.all(indexes.map((index) => load(playback, index)))).flat(), ...events];
    from -= indexes.length;
  }
  const isWhole = hasPictureBy(events, ts) || !(await chunks.extend());
  if (isWhole) return { from, to, events };
  playback.stage?.close();
  playback.stage = undefined;
  return eventsFor(playback, ts);
}

/** Adds the next chunk to the stage; false when there is none. */
async function addNext(playback: Playback): Promise<boolean> {
  const next = playback.last + 1;
  if (next >= playback.chunks.references.length) return false;
  const mine = playback.turn;
  const events = await load(playback, next);
  if (mine !== playback.turn || next !== playback.last + 1) return true;
  playback.stage?.add(events);
  playback.last = next;
  return true;
}

async function fetchAhead(playback: Playback, ts: number): Promise<void> {
  const mine = playback.turn;
  for (;;) {
    const next = playback.chunks.references[playback.last + 1];
    if (mine !== playback.turn || next === undefined || (next.ts ?? 0) > ts + AHEAD_MS) return;
    if (!(await addNext(playback))) return;
  }
}

/** The stage has played all it has. */
async function goOn(playback: Playback, stage: Stage): Promise<void> {
  const { playing, time } = playback.state;
  if (!playing) return;
  const mine = playback.turn;
  try {
    set(playback, { waiting: true });
    const more = await addNext(playback);
    if (mine !== playback.turn) return;
    set(playback, { waiting: false, playing: more });
    if (!more) return;
    const begin = playback.chunks.loaded(playback.last)?.[0]?.timestamp ?? time;
    const from = playback.state.skipIdle && begin - time > PAUSE_MS ? begin : time;
    // What was added is taken in at the end of this turn.
    await Promise.resolve();
    stage.play(from);
  } catch (error) {
    fail(playback, error);
  }
}

async function fetchAll(playback: Playback, span: Span): Promise<void> {
  const { chunks, state } = playback;
  if (state.fetching) return;
  set(playback, { fetching: true, fetchError: undefined });
  // Looked for anew after each: what is known of the recording may have grown meanwhile.
  const next = () => spansOf(chunks).findIndex((part, at) => !chunks.loaded(at) && overlaps(part, span));
  try {
    for (let at = next(); at !== -1 && !playback.closed; at = next()) await load(playback, at);
  } catch (error) {
    set(playback, { fetchError: toPlayerError(error) });
  }
  set(playback, { fetching: false });
}

/** Tells the time while it plays, and fetches on. */
function tick(playback: Playback): void {
  const { state, stage } = playback;
  if (!state.playing || state.waiting || stage === undefined) return;
  const time = stage.time();
  set(playback, { time });
  if (playback.isAhead) return;
  playback.isAhead = true;
  fetchAhead(playback, time)
    .catch(() => {})
    .finally(() => {
      playback.isAhead = false;
    });
}

const knownLines = new WeakMap<readonly RecordedEvent[], ConsoleLine[]>();

/** The lines of a chunk, looked for once. */
function linesOf(events: readonly RecordedEvent[]): ConsoleLine[] {
  const known = knownLines.get(events) ?? consoleLines(events);
  knownLines.set(events, known);
  return known;
}

/** What the chunks fetched so far tell beside the picture. */
function told(chunks: Chunks): Pick<PlayerState, 'lines' | 'spans' | 'missing'> {
  const loaded = chunks.references.map((_, index) => chunks.loaded(index) ?? []);
  return {
    lines: loaded.flatMap(linesOf).sort((a, b) => a.ts - b.ts),
    spans: loaded.flatMap((events) => {
      const [begin, end] = [events[0], events.at(-1)];
      return begin && end ? [{ from: begin.timestamp, to: end.timestamp }] : [];
    }),
    missing: spansOf(chunks).filter((_, index) => !chunks.loaded(index)),
  };
}

/** From when to when each chunk can reach, whether it was fetched or not; one that does not say may be of any time. */
function spansOf({ references }: Chunks): Span[] {
  return references.map(({ ts }, index) => ({
    from: ts ?? 0,
    to: ts === undefined ? Number.POSITIVE_INFINITY : (references[index + 1]?.ts ?? Number.POSITIVE_INFINITY),
  }));
}
