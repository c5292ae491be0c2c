/** Counts by day as bars: every day of the range has its place, those without any too. */
import type { RefObject } from 'preact';
import type { CountedDay } from '../api/client.js';
import { DAY_MS, dayStart, daysBetween, longDay, shortDay } from '../format/time.js';
import { BarChart, type Tone } from './chart.js';
import type { Range } from './range.js';
import { Empty } from './states.js';

interface DayChartProps {
  /** Ascending, days without any left out. */
  days: readonly CountedDay[];
  range: Range;
  unit: string;
  label: string;
  tone?: Tone;
  height?: number;
  svg?: RefObject<SVGSVGElement>;
}

/** More bars than this are thinner than anybody can point at. */
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
  const bars = daysBetween(from, to).map((day) => ({
    label: shortDay(day),
    key: day,
    title: `${longDay(day)} UTC`,
    value: counts.get(day) ?? 0,
  }));
  return <BarChart bars={bars} {...chart} />;
}
