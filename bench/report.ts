/** Rows of a benchmark: medians with spread, peers and goals, as a table and as JSON. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';

export interface Row {
  name: string;
  value: number;
  unit: string;
  goal?: { atLeast: number } | { below: number };
  spread?: [least: number, greatest: number];
  /** The peers' values in the same unit; `ratio` says how many times better than the best of them `value` is. */
  peers?: Record<string, number>;
  ratio?: number;
  ratioGoal?: number;
  /** A hash of the answer, the same for every engine, and the answer's number of rows. */
  hash?: string;
  answered?: number;
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

function verdicts({ value, goal, ratio, ratioGoal }: Row): string[] {
  const found: string[] = [];
  const judge = (met: boolean, text: string) => found.push(`${met ? 'met' : 'MISSED'}: ${text}`);
  if (goal && 'atLeast' in goal) judge(value >= goal.atLeast, `≥ ${short(goal.atLeast)}`);
  if (goal && 'below' in goal) judge(value < goal.below, `< ${short(goal.below)}`);
  if (ratioGoal !== undefined && ratio !== undefined) judge(ratio >= ratioGoal, `≥ ${ratioGoal} ×`);
  return found;
}

export function toTable(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const range = row.spread ? `(${short(row.spread[0])} … ${short(row.spread[1])})` : '';
      const ratio = row.ratio === undefined ? '' : `${short(row.ratio)} ×`;
      const peers = Object.entries(row.peers ?? {}).map(([name, value]) => `${name} ${short(value)}`);
      return [
        row.name.padEnd(48),
        `${short(row.value)} ${row.unit}`.padStart(16),
        range.padEnd(20),
        ratio.padStart(8),
        verdicts(row).join(', ').padEnd(28),
        peers.join(', '),
      ]
        .join(' ')
        .trimEnd();
    })
    .join('\n');
}

export function writeResults(path: string, about: Record<string, unknown>, rows: readonly Row[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const machine = { node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model };
  writeFileSync(path, `${JSON.stringify({ ...about, machine, rows }, null, 2)}\n`);
}
