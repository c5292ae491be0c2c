/** The time line under the picture: events, gaps, and the present moment. */
import { useMemo, useRef } from 'preact/hooks';
import type { Event } from '../api/client.js';
import { clockTime, duration, playTime } from '../format/time.js';
import { isIncident } from '../ui/event-text.js';
import type { Gap } from './gaps.js';
import type { Span } from './player.js';

export interface TimelineProps {
  range: Span;
  time: number;
  events: readonly Event[];
  gaps: readonly Gap[];
  /** A moment to mark. */
  cue?: number;
  onSeek: (ts: number) => void;
}

const STEP_MS = 5_000;
const HEIGHT = 26;

export function Timeline({ range, time, events, gaps, cue, onSeek }: TimelineProps) {
  const bar = useRef<HTMLDivElement>(null);
  const length = Math.max(1, range.to - range.from);
  const share = (ts: number): number => shareOf(ts, range);
  const left = (ts: number): string => `${share(ts) * 100}%`;
  const go = (ts: number) => onSeek(Math.round(Math.min(range.to, Math.max(range.from, ts))));
  const at = (clientX: number): number => {
    const box = bar.current?.getBoundingClientRect();
    return box === undefined ? time : range.from + ((clientX - box.left) / Math.max(1, box.width)) * length;
  };
  const keys: Record<string, () => void> = {
    ArrowLeft: () => go(time - STEP_MS),
    ArrowRight: () => go(time + STEP_MS),
    PageDown: () => go(events.find(({ ts }) => ts > time)?.ts ?? range.to),
    PageUp: () => go(events.findLast(({ ts }) => ts < time - 1)?.ts ?? range.from),
    Home: () => go(range.from),
    End: () => go(range.to),
  };
  // Not drawn again when only the moment changes.
  const marks = useMemo(() => <Marks events={events} range={range} />, [events, range.from, range.to]);
  return (
    <div
      ref={bar}
      class="timeline"
      role="slider"
      tabIndex={0}
      aria-label="Moment of the recording"
      aria-valuemin={0}
      aria-valuemax={Math.round(length / 1_000)}
      aria-valuenow={Math.round((time - range.from) / 1_000)}
      aria-valuetext={`${playTime(time - range.from)} of ${playTime(length)}, ${clockTime(time)}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        go(at(event.clientX));
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) go(at(event.clientX));
      }}
      onKeyDown={(event) => {
        const act = keys[event.key];
        if (act === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        act();
      }}
    >
      <div class="timeline-track">
        <div class="timeline-played" style={{ width: left(time) }} />
        {gaps.map(({ from, to, reason }) => (
          <div
            key={from}
            class="timeline-gap"
            style={{ left: left(from), width: `${(share(to) - share(from)) * 100}%` }}
            title={`Not recorded for ${duration(to - from)}${reason === '' ? '' : `: ${reason}`}`}
          />
        ))}
      </div>
      {marks}
      {cue !== undefined && <div class="timeline-cue" style={{ left: left(cue) }} />}
      <div class="timeline-head" style={{ left: left(time) }} />
    </div>
  );
}

/** The position of a moment on the line, from 0 to 1. */
const shareOf = (ts: number, { from, to }: Span): number =>
  Math.min(1, Math.max(0, (ts - from) / Math.max(1, to - from)));

function Marks({ events, range }: { events: readonly Event[]; range: Span }) {
  return (
    <svg class="timeline-marks" viewBox={`0 0 1000 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {marksOf(events, range).map(({ x, type, tall }) => (
        <rect
          key={`${type}${x}`}
          class={`mark mark-${type}`}
          x={x - 1}
          width={tall ? 3 : 2}
          y={tall ? 0 : 16}
          height={tall ? HEIGHT : 10}
        />
      ))}
    </svg>
  );
}

interface Mark {
  x: number;
  type: Event['type'];
  tall: boolean;
}

/** One mark for events of a type at the same position; incidents last, so that they lie on top. */
function marksOf(events: readonly Event[], range: Span): Mark[] {
  const marks = new Map<string, Mark>();
  for (const event of events) {
    const x = Math.round(shareOf(event.ts, range) * 500) * 2;
    marks.set(`${x}${event.type}`, { x, type: event.type, tall: isIncident(event) });
  }
  return [...marks.values()].sort((a, b) => Number(a.tall) - Number(b.tall));
}
