/** The recorder on its page: begins when the page has a moment, pauses where it would be a burden, marks what it missed. */
import { record } from '@rrweb/record';
import type { eventWithTime } from '@rrweb/types';
import type { Client, Draft, Whose } from '../seam.js';
import { consolePlugin } from './console.js';
import { type Guard, startGuard } from './guard.js';
import { createPace } from './pace.js';
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
  /** Ends. Marks the gap that is open as one of a session that is over, and dates it as it began: that session lasts no longer. */
  end(over?: Whose): void;
}

const IDLE_WAIT_MS = 1_000;

export function createRecorder(
  client: Client,
  masking: ReturnType<typeof maskingOptions>,
  emit: (event: eventWithTime) => void,
): Recorder {
  let stopRecording: (() => void) | undefined;
  let guard: Guard | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gap: { reason: GapReason; from: number } | undefined;
  const pace = createPace();
  /** Of the last call to begin; stopping makes it void. */
  let ticket = 0;

  const stop = () => {
    ticket += 1;
    clearTimeout(timer);
    guard?.stop();
    stopRecording?.();
    stopRecording = undefined;
  };

  const mark = (reason: GapReason, from: number, of?: Partial<Draft>) =>
    client.record({ ...of, type: 'event', name: '$replay_gap', props: { from, to: Date.now(), reason } });
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
    timer = setTimeout(begin, pace.nextPauseMs());
  };

  const beginNow = client.guard(() => {
    const elements = document.getElementsByTagName('*').length;
    if (!pace.allows(elements)) return pause('size');
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
    pace.learn(elements, performance.now() - startMs);
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
    end: (over) => {
      stop();
      if (over && gap) mark(gap.reason, gap.from, { ...over, ts: gap.from });
      gap = undefined;
    },
  };
}
