/** Rows of a benchmark: medians with their spread, held against goals, on the terminal and as JSON. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Row {
  name: string;
  value: number;
  unit: string;
  goal?: { atLeast: number } | { below: number };
  spread?: [least: number, greatest: number];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export const spread = (values: readonly number[]): [number, number] => [
  Math.min(...values),
  Math.max(...values),
];

const short = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);

function verdict({ value, goal }: Row): string {
  if (!goal) return '';
  if ('atLeast' in goal) return `${value >= goal.atLeast ? 'met' : 'MISSED'}: ≥ ${short(goal.atLeast)}`;
  return `${value < goal.below ? 'met' : 'MISSED'}: < ${short(goal.below)}`;
}

export function toTable(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const range = row.spread ? `(${short(row.spread[0])} … ${short(row.spread[1])})` : '';
      return `${row.name.padEnd(40)} ${`${short(row.value)} ${row.unit}`.padStart(18)}  ${range.padEnd(22)} ${verdict(row)}`.trimEnd();
    })
    .join('\n');
}

export function writeResults(path: string, about: Record<string, unknown>, rows: readonly Row[]): void {
  const machine = { node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model };
  writeFileSync(path, `${JSON.stringify({ ...about, machine, rows }, null, 2)}\n`);
}
