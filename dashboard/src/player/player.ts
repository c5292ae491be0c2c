/**
 * Plays a recording: fetches the chunks a moment needs, draws them, and fetches on while it plays.
 *
 * 1. `seek` finds the chunk of the moment, and the earlier ones down to the last picture of the whole page.
 * 2. A stage is made of them, or the one there is goes to the moment if it has it.
 * 3. While it plays, the chunks that follow are added before they are needed; where one is late, it waits.
 */

import type { ChunkReference } from '../api/client.js';
import { ClientError } from '../api/client.js';
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
  Promise.all([loadStage(), chunks.load(placeOf(chunks.references, ts))]).catch(() => {});
}

/** The place of the chunk that has a moment: of the last that begins by then. */
function placeOf(references: readonly ChunkReference[], ts: number): number {
  const after = references.findIndex((reference) => reference.ts !== undefined && reference.ts > ts);
  return Math.max(0, (after === -1 ? references.length : after) - 1);
}

export function createPlayer(
  frame: HTMLIFrameElement,
  chunks: Chunks,
  onChange: (state: PlayerState) => void,
): Player {
  let state = { ...INITIAL, ...told(chunks) };
  let stage: Stage | undefined;
  /** Places of the chunks on stage, both inclusive. */
  let first = 0;
  let last = -1;
  /** Only the newest seek matters. */
  let turn = 0;
  let closed = false;

  const set = (change: Partial<PlayerState>): void => {
    if (closed) return;
    state = { ...state, ...change };
    onChange(state);
  };

  let known = 0;
  const load = async (index: number): Promise<RecordedEvent[]> => {
    const events = await chunks.load(index);
    if (chunks.count !== known) {
      known = chunks.count;
      set(told(chunks));
    }
    return events;
  };

  const toPlayerError = (error: unknown): ClientError =>
    error instanceof ClientError
      ? error
      : new ClientError(200, 'This part of the recording cannot be shown.');

  const fail = (error: unknown): void => {
    set({
      error: toPlayerError(error),
      waiting: false,
      playing: false,
    });
  };

  /** The events that the moment's picture follows from, and the places of their chunks. */
  const eventsFor = async (ts: number): Promise<{ from: number; to: number; events: RecordedEvent[] }> => {
    const to = placeOf(chunks.references, ts);
    let from = to;
    let events = await load(to);
    // The last picture may be one chunk back or a hundred: a few more at a time.
    for (let step = 1; from > 0 && !hasPictureBy(events, ts); step = Math.min(step * 2, BACK_MAX)) {
      const places = Array.from({ length: Math.min(step, from) }, (_, index) => from - index - 1).reverse();
      events = [...(await Promise.all(places.map(load))).flat(), ...events];
      from -= places.length;
    }
    const isWhole = hasPictureBy(events, ts) || !(await chunks.extend());
    if (isWhole) return { from, to, events };
    stage?.close();
    stage = undefined;
    return eventsFor(ts);
  };

  const draw = async (ts: number, mine: number): Promise<void> => {
    const at = placeOf(chunks.references, ts);
    if (stage !== undefined && at >= first && at <= last) return;
    const { from, to, events } = await eventsFor(ts);
    if (mine !== turn) return;
    if (!hasPicture(events))
      throw new ClientError(200, 'This part of the recording has no picture to begin with.');
    const { createStage } = await loadStage();
    if (mine !== turn || closed) return;
    stage?.close();
    const made = createStage(frame, events, {
      speed: state.speed,
      skipIdle: state.skipIdle,
      onEnd: () => {
        if (stage === made) void goOn();
      },
      onSize: (size) => set({ size }),
      onHurry: (hurrying) => set({ hurrying }),
    });
    stage = made;
    [first, last] = [from, to];
  };

  const seek = async (ts: number): Promise<void> => {
    const mine = ++turn;
    set({ time: ts, waiting: true, hurrying: false, error: undefined });
    try {
      await draw(ts, mine);
      if (mine !== turn || stage === undefined) return;
      if (state.playing) stage.play(ts);
      else stage.pause(ts);
      set({ waiting: false });
      await fetchAhead(ts);
    } catch (error) {
      if (mine === turn) fail(error);
    }
  };

  /** Adds the next chunk to the stage; false when there is none. */
  const addNext = async (): Promise<boolean> => {
    const next = last + 1;
    if (next >= chunks.references.length) return false;
    const mine = turn;
    const events = await load(next);
    if (mine !== turn || next !== last + 1) return true;
    stage?.add(events);
    last = next;
    return true;
  };

  const fetchAhead = async (ts: number): Promise<void> => {
    const mine = turn;
    for (;;) {
      const next = chunks.references[last + 1];
      if (mine !== turn || next === undefined || (next.ts ?? 0) > ts + AHEAD_MS) return;
      if (!(await addNext())) return;
    }
  };

  /** The stage has played all it has. */
  const goOn = async (): Promise<void> => {
    if (!state.playing || stage === undefined) return;
    const { time } = state;
    const mine = turn;
    try {
      set({ waiting: true });
      const more = await addNext();
      if (mine !== turn) return;
      set({ waiting: false, playing: more });
      if (!more) return;
      const begin = chunks.loaded(last)?.[0]?.timestamp ?? time;
      const from = state.skipIdle && begin - time > PAUSE_MS ? begin : time;
      // What was added is taken in at the end of this turn.
      await Promise.resolve();
      stage?.play(from);
    } catch (error) {
      fail(error);
    }
  };

  const fetchAll = async (span: Span): Promise<void> => {
    if (state.fetching) return;
    set({ fetching: true, fetchError: undefined });
    // Looked for anew after each: what is known of the recording may have grown meanwhile.
    const next = () => spansOf(chunks).findIndex((part, at) => !chunks.loaded(at) && overlaps(part, span));
    try {
      for (let at = next(); at !== -1 && !closed; at = next()) await load(at);
    } catch (error) {
      set({ fetchError: toPlayerError(error) });
    }
    set({ fetching: false });
  };

  let ahead = false;
  const timer = setInterval(() => {
    if (!state.playing || state.waiting || stage === undefined) return;
    const time = stage.time();
    set({ time });
    if (ahead) return;
    ahead = true;
    fetchAhead(time)
      .catch(() => {})
      .finally(() => {
        ahead = false;
      });
  }, TICK_MS);

  return {
    play() {
      set({ playing: true });
      void seek(state.time);
    },
    pause() {
      set({ playing: false, hurrying: false });
      if (stage !== undefined && !state.waiting) stage.pause(state.time);
    },
    seek: (ts) => void seek(ts),
    setSpeed(speed) {
      stage?.setSpeed(speed);
      set({ speed });
    },
    setSkipIdle(skipIdle) {
      stage?.setSkipIdle(skipIdle);
      set({ skipIdle, hurrying: false });
    },
    fetchAll: (span) => void fetchAll(span),
    retry: () => void seek(state.time),
    close() {
      turn++;
      closed = true;
      clearInterval(timer);
      stage?.close();
    },
  };
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
