/** The recorder on its page: begins when the page has a moment, pauses where it would be a burden, marks what it missed. */
import { record } from '@rrweb/record';
import type { eventWithTime } from '@rrweb/types';
import type { Client } from '../seam.js';
import { consolePlugin } from './console.js';
import { type Guard, startGuard } from './guard.js';
import type { maskingOptions } from './privacy.js';

/** Why a recording has a gap. */
export type GapReason = 'burst' | 'cost' | 'size' | 'uplink' | 'idle';

export interface Recorder {
  begin(): void;
  /** Stops for a while; for some reasons it begins again by itself, for others when told to. */
  pause(reason: GapReason): void;
  /** Ends a pause that has one of these reasons. */
  resume(...reasons: GapReason[]): void;
  /** Marks, so far, the gap that is open. */
  markGap(): void;
  end(): void;
}

/** A page with more elements than this is not recorded: the snapshot would hold it up for too long. */
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
  /** Of the last call to begin; stopping makes it void. */
  let ticket = 0;

  const stop = () => {
    ticket += 1;
    clearTimeout(timer);
    guard?.stop();
    stopRecording?.();
    stopRecording = undefined;
  };

  const markGap = () => {
    if (gap === undefined) return;
    const to = Date.now();
    client.record({ type: 'event', name: '$replay_gap', props: { from: gap.from, to, reason: gap.reason } });
    gap.from = to;
  };

  const pause = (reason: GapReason) => {
    stop();
    gap ??= { reason, from: Date.now() };
    gap.reason = reason;
    if (reason === 'uplink' || reason === 'idle') return;
    if (Date.now() - begunAt > CALM_MS) pauseMs = PAUSE_MS_MIN;
    timer = setTimeout(begin, pauseMs);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
  };

  const beginNow = client.guard(() => {
    if (document.getElementsByTagName('*').length > ELEMENTS_MAX) return pause('size');
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
      recordAfter: 'DOMContentLoaded',
      // Whatever fails in the recorder is no error of the app.
      errorHandler: () => true,
    });
    guard.recorderBegan();
    begunAt = Date.now();
    pauseMs = Math.min(Math.max(pauseMs, (performance.now() - startMs) * PAUSE_FACTOR), PAUSE_MS_MAX);
  });

  const begin = () => {
    stop();
    const mine = ticket;
    const go = () => mine === ticket && beginNow();
    if (typeof requestIdleCallback === 'undefined') setTimeout(go);
    else requestIdleCallback(go, { timeout: IDLE_WAIT_MS });
  };

  return {
    begin,
    pause,
    resume: (...reasons) => {
      if (gap !== undefined && reasons.includes(gap.reason)) begin();
    },
    markGap,
    end: () => {
      stop();
      gap = undefined;
    },
  };
}
