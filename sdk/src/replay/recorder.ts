/** The recorder on its page: begins when the page has a moment, pauses where it would be a burden, marks what it missed. */
import { record } from '@rrweb/record';
import type { eventWithTime } from '@rrweb/types';
import type { Client } from '../seam.js';
import { consolePlugin } from './console.js';
import { type Guard, startGuard } from './guard.js';
import type { maskingOptions } from './privacy.js';

/** Why a recording has a gap. */
export type GapReason = 'burst' | 'cost' | 'size' | 'uplink' | 'idle' | 'refused';

export interface Recorder {
  begin(): void;
  /** Stops for a while; for some reasons it begins again by itself, for others when told to. */
  pause(reason: GapReason): void;
  /** Ends a pause that has this reason. */
  resume(reason: GapReason): void;
  /** Marks a gap from then (Unix ms) until now. */
  mark(reason: GapReason, from: number): void;
  /** Marks, so far, the gap that is open. */
  markGap(): void;
  end(): void;
}

/** A snapshot may hold the page up for this long, as far as can be told before it is taken. */
const SNAPSHOT_MS_MAX = 500;
/** A page with more elements is not recorded, until a snapshot of this page has told how quick the machine is, */
const ELEMENTS_MAX_AT_FIRST = 20_000;
/** which one of fewer elements than this does not tell: they are recorded anyway. */
const ELEMENTS_FEW = 5_000;
const ELEMENTS_MAX = 50_000;
const IDLE_WAIT_MS = 1_000;
/** After a pause, so many times what its snapshot took, so that snapshots are never more than a few percent of the time. */
const PAUSE_FACTOR = 20;
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;
/** Pauses that follow each other within this time grow. */
const CALM_MS = 60_000;

export function createRecorder(
  client: Client,
  masking: ReturnType<typeof maskingOptions>,
  emit: (event: eventWithTime) => void,
): Recorder {
  let stopRecording: (() => void) | undefined;
  let guard: Guard | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gap: { reason: GapReason; from: number } | undefined;
  let pauseMs = PAUSE_MS_MIN;
  let begunAt = 0;
  let elementsMax = ELEMENTS_MAX_AT_FIRST;
  /** Of the last call to begin; stopping makes it void. */
  let ticket = 0;

  const stop = () => {
    ticket += 1;
    clearTimeout(timer);
    guard?.stop();
    stopRecording?.();
    stopRecording = undefined;
  };

  const mark = (reason: GapReason, from: number) =>
    client.record({ type: 'event', name: '$replay_gap', props: { from, to: Date.now(), reason } });
  const markGap = () => {
    if (gap === undefined) return;
    mark(gap.reason, gap.from);
    gap.from = Date.now();
  };

  const pause = (reason: GapReason) => {
    stop();
    gap ??= { reason, from: Date.now() };
    gap.reason = reason;
    if (reason !== 'uplink' && reason !== 'idle') beginLater();
  };

  const beginLater = () => {
    if (Date.now() - begunAt > CALM_MS) pauseMs = PAUSE_MS_MIN;
    timer = setTimeout(begin, pauseMs);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
  };

  const beginNow = client.guard(() => {
    const elements = document.getElementsByTagName('*').length;
    if (elements > elementsMax) return pause('size');
    markGap();
    gap = undefined;
    const startMs = performance.now();
    guard = startGuard(pause);
    stopRecording = record({
      emit,
      ...masking,
      plugins: [consolePlugin()],
      slimDOMOptions: 'all',
      sampling: { scroll: 150, media: 800 },
      // Whatever fails in the recorder is no error of the app.
      errorHandler: () => true,
    });
    guard.recorderBegan();
    begunAt = Date.now();
    const tookMs = performance.now() - startMs;
    pauseMs = within(tookMs * PAUSE_FACTOR, pauseMs, PAUSE_MS_MAX);
    if (elements >= ELEMENTS_FEW) {
      elementsMax = within((elements * SNAPSHOT_MS_MAX) / tookMs, ELEMENTS_FEW, ELEMENTS_MAX);
    }
  });

  const begin = () => {
    stop();
    const mine = ticket;
    const go = () => mine === ticket && beginNow();
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', go, { once: true });
    else if (typeof requestIdleCallback === 'undefined') setTimeout(go);
    else requestIdleCallback(go, { timeout: IDLE_WAIT_MS });
  };

  return {
    begin,
    pause,
    resume: (reason) => {
      if (gap?.reason !== reason) return;
      if (reason === 'idle') begin();
      else beginLater();
    },
    mark,
    markGap,
    end: () => {
      stop();
      gap = undefined;
    },
  };
}

function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
