/** The last hour, a bar for each minute: all events, and the errors among them. */
import type { Event } from '../../api/client.js';
import { counted } from '../../format/number.js';
import { clockTime } from '../../format/time.js';
import { useNow } from '../../ui/time.js';

const MINUTES = 60;
const MINUTE_MS = 60_000;
const HEIGHT = 40;

interface MinutesProps {
  /** Newest first. */
  events: readonly Event[];
  complete: boolean;
}

interface Minute {
  start: number;
  all: number;
  errors: number;
  /** Whether the events of the minute are loaded. */
  known: boolean;
}

export function Minutes({ events, complete }: MinutesProps) {
  const minutes = byMinute(events, complete, useNow());
  const max = Math.max(4, ...minutes.map(({ all }) => all));
  const known = minutes.filter((minute) => minute.known);
  const total = known.reduce((sum, { all }) => sum + all, 0);
  const errors = known.reduce((sum, minute) => sum + minute.errors, 0);
  const height = (value: number) => (value === 0 ? 0 : Math.max(1.5, (value / max) * HEIGHT));
  const label = `${counted(total, 'event')} and ${counted(errors, 'error')} within the last ${counted(known.length, 'minute')}`;
  return (
    <div class="minutes">
      <svg viewBox={`0 0 ${MINUTES} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {minutes.map((minute, index) => (
          <g key={minute.start}>
            <title>
              {minute.known
                ? `${clockTime(minute.start).slice(0, 5)}: ${counted(minute.all, 'event')}, ${counted(minute.errors, 'error')}`
                : `${clockTime(minute.start).slice(0, 5)}: not loaded`}
            </title>
            <rect class="minute-room" x={index} y={0} width={1} height={HEIGHT} />
            <rect class="minute-base" x={index + 0.12} y={HEIGHT - 0.75} width={0.76} height={0.75} />
            {(['all', 'errors'] as const).map((kind) => (
              <rect
                key={kind}
                class={`minute-${kind}`}
                x={index + 0.12}
                y={HEIGHT - height(minute[kind])}
                width={0.76}
                height={height(minute[kind])}
              />
            ))}
          </g>
        ))}
      </svg>
      <p class="minutes-text soft">
        <span class="minutes-now">now</span>
        {known.length < MINUTES ? `Last ${counted(known.length, 'minute')} (loaded so far): ` : 'Last hour: '}
        <b>{counted(total, 'event')}</b>,{' '}
        <b class={errors > 0 ? 'is-error' : ''}>{counted(errors, 'error')}</b>
      </p>
    </div>
  );
}

function byMinute(events: readonly Event[], complete: boolean, now: number): Minute[] {
  const last = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  const first = last - (MINUTES - 1) * MINUTE_MS;
  const oldest = complete ? 0 : (events.at(-1)?.ts ?? now);
  const minutes = Array.from({ length: MINUTES }, (_, index): Minute => {
    const start = first + index * MINUTE_MS;
    return { start, all: 0, errors: 0, known: start + MINUTE_MS > oldest };
  });
  for (const { ts, type } of events) {
    const minute = minutes[Math.floor((ts - first) / MINUTE_MS)];
    if (minute === undefined) continue;
    minute.all += 1;
    if (type === 'error') minute.errors += 1;
  }
  return minutes;
}

export const isWithinTheHour = (ts: number): boolean => ts > Date.now() - MINUTES * MINUTE_MS;
