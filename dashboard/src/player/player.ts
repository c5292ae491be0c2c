/**
 * Plays a recording: fetches the chunks a moment needs, draws them, and fetches more while it plays.
 *
 * 1. `seek` finds the chunk of the moment, and the earlier ones back to the last full snapshot.
 * 2. It makes a stage of them, unless the present stage has the moment.
 * 3. While it plays, it adds the next chunks before they are needed, and waits for one that is late.
 */
import { ClientError, noted } from '../api/client.js';
import type { Chunks } from './chunks.js';
import { type ConsoleLine, hasPicture, hasPictureBy, type RecordedEvent } from './recording.js';
import type { Stage } from './stage.js';
import { type PlacedChunk, SLACK_MS } from './times.js';

export interface PlayerState {
  /** Unix ms. */
  time: number;
  playing: boolean;
  /** Chunks are being fetched. */
  waiting: boolean;
  hurrying: boolean;
  speed: number;
  skipIdle: boolean;
  /** The recorded window, px. */
  size: { width: number; height: number };
  error: ClientError | undefined;
  /** Console lines of the chunks fetched so far, in order. */
  lines: readonly ConsoleLine[];
  /** When the chunks fetched so far begin and end. */
  spans: readonly Span[];
  /** The times of the chunks that are not fetched; `lines` has nothing from then. */
  missing: readonly Span[];
  /** Whether chunks are being fetched for their lines alone, and why that failed. */
  fetching: boolean;
  fetchError: ClientError | undefined;
}

export interface Span {
  from: number;
  to: number;
}

export type Player = ReturnType<typeof createPlayer>;

/** While it plays, chunks that begin within this time are fetched. */
const AHEAD_MS = 90_000;
/** The replayer skips no pause between two chunks, so the player jumps over longer ones. */
const PAUSE_MS = 5_000;
const TICK_MS = 100;
/** Chunks fetched at a time on the way back to a full snapshot. */
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

/** Fetches what the first picture needs before there is a frame to draw it in. */
export function prepare(chunks: Chunks, ts: number): void {
  // The player meets the same error and shows it.
  Promise.all([loadStage(), chunks.load(indexAt(chunks.references, ts))]).catch(() => {});
}

/** The index of the chunk that has a moment: the last one that begins by then. */
function indexAt(references: readonly PlacedChunk[], ts: number): number {
  const after = references.findIndex(({ begin }) => begin !== undefined && begin > ts);
  return Math.max(0, (after === -1 ? references.length : after) - 1);
}

/** The state of a player. */
interface Playback {
  readonly frame: HTMLIFrameElement;
  readonly chunks: Chunks;
  readonly onChange: (state: PlayerState) => void;
  state: PlayerState;
  stage: Stage | undefined;
  /** Indexes of the chunks on stage, both inclusive. */
  first: number;
  last: number;
  /** Only the newest seek matters. */
  turn: number;
  /** While it plays, chunks are fetched ahead one after the other. */
  isAhead: boolean;
  /** How many chunks its state tells of. */
  told: number;
  closed: boolean;
}

export function createPlayer(
  frame: HTMLIFrameElement,
  chunks: Chunks,
  onChange: (state: PlayerState) => void,
) {
  const playback: Playback = {
    ...{ frame, chunks, onChange, state: { ...INITIAL, ...told(chunks) } },
    ...{ stage: undefined, first: 0, last: -1, turn: 0, isAhead: false, told: 0, closed: false },
  };
  const timer = setInterval(() => tick(playback), TICK_MS);
  const change = (change: Partial<PlayerState>) => set(playback, change);
  return {
    play(): void {
      change({ playing: true });
      void seek(playback, playback.state.time);
    },
    pause(): void {
      change({ playing: false, hurrying: false });
      if (!playback.state.waiting) playback.stage?.pause(playback.state.time);
    },
    /** Goes to a moment (Unix ms), and continues to play if it played. */
    seek: (ts: number): void => void seek(playback, ts),
    configure(settings: Partial<Pick<PlayerState, 'speed' | 'skipIdle'>>): void {
      change({ ...settings, hurrying: false });
      playback.stage?.configure(playback.state);
    },
    /** Fetches every chunk of a time, whatever is played. */
    fetchAll: (span: Span): void => void fetchAll(playback, span),
    retry: (): void => void seek(playback, playback.state.time),
    close(): void {
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

/** Puts the moment on stage. */
async function draw(playback: Playback, ts: number, mine: number): Promise<void> {
  const at = indexAt(playback.chunks.references, ts + SLACK_MS);
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

/** The events that make the moment's picture, and the indexes of their chunks. */
async function eventsFor(
  playback: Playback,
  ts: number,
): Promise<{ from: number; to: number; events: RecordedEvent[] }> {
  const { chunks } = playback;
  // A chunk that begins right after may have what was recorded just before.
  const to = indexAt(chunks.references, ts + SLACK_MS);
  let from = to;
  let events = await load(playback, to);
  // The last full snapshot may be a hundred chunks back: fetches more at a time.
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
    if (mine !== playback.turn || next === undefined || (next.begin ?? 0) > ts + AHEAD_MS) return;
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
    const begin = playback.chunks.loaded(playback.last)?.events[0]?.timestamp ?? time;
    const from = playback.state.skipIdle && begin - time > PAUSE_MS ? begin : time;
    // The replayer takes in added events at the end of this turn.
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
  // Searched again after each chunk, since the list of chunks may have grown.
  const next = () => spansOf(chunks).findIndex((part, at) => !chunks.loaded(at) && overlaps(part, span));
  try {
    for (let at = next(); at !== -1 && !playback.closed; at = next()) await load(playback, at);
  } catch (error) {
    set(playback, { fetchError: toPlayerError(error) });
  }
  set(playback, { fetching: false });
}

/** Reports the time while it plays, and fetches ahead. */
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

/** What the state has of the chunks fetched so far. */
function told(chunks: Chunks): Pick<PlayerState, 'lines' | 'spans' | 'missing'> {
  const loaded = chunks.references.flatMap((_, index) => chunks.loaded(index) ?? []);
  return {
    lines: loaded.flatMap(({ lines }) => lines).sort((a, b) => a.ts - b.ts),
    spans: loaded.flatMap(({ events }) => {
      const [begin, end] = [events[0], events.at(-1)];
      return begin && end ? [{ from: begin.timestamp, to: end.timestamp }] : [];
    }),
    missing: spansOf(chunks).filter((_, index) => !chunks.loaded(index)),
  };
}

/** The times that each chunk can hold; a chunk without a time may be of any. */
function spansOf({ references }: Chunks): Span[] {
  return references.map(({ begin }, index) => ({
    from: begin ?? 0,
    to: (begin === undefined ? undefined : references[index + 1]?.begin) ?? Number.POSITIVE_INFINITY,
  }));
}
