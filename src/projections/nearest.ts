/** Sums over a range of time, made of whole units where there are any: days, then hours, then less. */

/** What to add to a sum: all in `[from, end)`; with a sign of −1 what to take away. */
export interface Part {
  from: number;
  end: number;
  sign: 1 | -1;
}

/** Cuts a part at the nearest units: `whole` takes those, inclusive; `rest` half a unit an end at most. */
export function inUnits(
  unitMs: number,
  { from, end, sign }: Part,
  whole: (first: number, last: number) => void,
  rest: (part: Part) => void,
): void {
  const first = Math.round(from / unitMs);
  const next = Math.round(end / unitMs);
  if (first >= next) {
    rest({ from, end, sign });
    return;
  }
  whole(first, next - 1);
  const start = first * unitMs;
  const stop = next * unitMs;
  const away = sign === 1 ? -1 : 1;
  if (from < start) rest({ from, end: start, sign });
  if (from > start) rest({ from: start, end: from, sign: away });
  if (end > stop) rest({ from: stop, end, sign });
  if (end < stop) rest({ from: end, end: stop, sign: away });
}
