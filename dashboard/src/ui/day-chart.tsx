/** Counts by day as bars, with a place for every day of the range. */
import type { CountedDay } from '../api/client.js';
import { DAY_MS, dayStart, daysBetween } from '../format/time.js';
import { BarChart, type BarChartProps } from './chart.js';
import type { Range } from './range.js';
import { Empty } from './states.js';

interface DayChartProps extends Omit<BarChartProps, 'bars'> {
  /** Ascending, without days of count 0. */
  days: readonly CountedDay[];
  range: Range;
}

/** More bars would be too thin to point at. */
const DAYS_MAX = 400;

export function DayChart({ days, range, ...chart }: DayChartProps) {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return <Empty title="None in this range" />;
  const counts = new Map(days.map(({ day, count }) => [day, count]));
  const to = Math.max(dayStart(last.day), Math.min(range.to ?? Date.now(), Date.now()));
  const from = Math.max(
    Math.min(range.from ?? dayStart(first.day), dayStart(first.day)),
    to - DAYS_MAX * DAY_MS,
  );
  const bars = daysBetween(from, to).map((day) => ({ day, count: counts.get(day) ?? 0 }));
  return <BarChart bars={bars} {...chart} />;
}
