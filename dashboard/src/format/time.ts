/** Times and durations as people read them: instants in the reader's time zone, days in UTC. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const DAY = { day: 'numeric', month: 'short' } as const;
const DATE = { ...DAY, year: 'numeric' } as const;
const MINUTE = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const SECOND = { ...MINUTE, second: '2-digit' } as const;

const formatter = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, options);
const clock = formatter(SECOND);
const dayAndClock = formatter({ ...DAY, ...MINUTE });
const dayAlone = formatter(DAY);
const dayWithYear = formatter(DATE);
const full = formatter({ weekday: 'short', ...DATE, ...SECOND, timeZoneName: 'short' });
const utcDay = formatter({ ...DAY, timeZone: 'UTC' });
const utcWeekday = formatter({ weekday: 'short', ...DATE, timeZone: 'UTC' });

/** `14:03:27`. */
export const clockTime = (ts: number): string => clock.format(ts);

/** `14:03:27.482`, for what happens within a second. */
export const preciseTime = (ts: number): string =>
  `${clock.format(ts)}.${String(Math.floor(ts % SECOND_MS)).padStart(3, '0')}`;

/** With the date, weekday and time zone. */
export const fullTime = (ts: number): string => full.format(ts);

/** The time of today, day and time within the year, else the date. */
export function shortTime(ts: number, now: number): string {
  if (new Date(ts).toDateString() === new Date(now).toDateString()) return clockTime(ts);
  return (isSameYear(ts, now) ? dayAndClock : dayWithYear).format(ts);
}

const isSameYear = (a: number, b: number): boolean => new Date(a).getFullYear() === new Date(b).getFullYear();

/** Older instants are shown as dates. */
export const isLongAgo = (ts: number, now: number): boolean => now - ts >= 7 * DAY_MS;

/** `just now`, `3 min ago`, `2 h ago`, `5 d ago`, then the date; `in 3 min` for a clock that is ahead. */
export function ago(ts: number, now: number): string {
  if (isLongAgo(ts, now)) return (isSameYear(ts, now) ? dayAlone : dayWithYear).format(ts);
  const size = Math.abs(now - ts);
  if (size < 5 * SECOND_MS) return 'just now';
  const text = roughly(size);
  return now > ts ? `${text} ago` : `in ${text}`;
}

function roughly(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  return ms < 2 * DAY_MS ? `${Math.floor(ms / HOUR_MS)} h` : `${Math.floor(ms / DAY_MS)} d`;
}

/** `240 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.round(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS)
    return joined(Math.floor(ms / MINUTE_MS), 'min', Math.floor((ms % MINUTE_MS) / SECOND_MS), 's');
  return joined(Math.floor(ms / HOUR_MS), 'h', Math.floor((ms % HOUR_MS) / MINUTE_MS), 'min');
}

/** `1:04`, `1:02:04`. */
export function playTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const pad = (part: number) => String(part).padStart(2, '0');
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** `+3.2 s`, `−12 s`. */
export function offset(ms: number): string {
  if (Math.abs(ms) < 1) return '0 s';
  return `${ms < 0 ? '−' : '+'}${duration(Math.abs(ms))}`;
}

/** `12 Jun`, of a UTC day `YYYY-MM-DD`. */
export const shortDay = (day: string): string => utcDay.format(dayStart(day));

/** `Wed, 12 Jun 2024`, of a UTC day. */
export const longDay = (day: string): string => utcWeekday.format(dayStart(day));

/** The first moment of a UTC day, Unix ms. */
export const dayStart = (day: string): number => Date.parse(`${day}T00:00:00Z`);

/** The UTC day of an instant, `YYYY-MM-DD`. */
export const dayOf = (ts: number): string => new Date(ts).toISOString().slice(0, 10);

/** Every UTC day between two instants, their own days included. */
export function daysBetween(from: number, to: number): string[] {
  const days: string[] = [];
  for (let ts = dayStart(dayOf(from)); ts <= to; ts += DAY_MS) days.push(dayOf(ts));
  return days;
}

function joined(a: number, unitA: string, b: number, unitB: string): string {
  return b === 0 ? `${a} ${unitA}` : `${a} ${unitA} ${b} ${unitB}`;
}
