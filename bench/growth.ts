/** How the reads grow with what is stored: 1, 5 and 20 million events, spyglass alone; a longer answer may take as much longer. */
import { benchQueries } from './queries.js';
import type { Row } from './report.js';

/** Parts of the number of events asked for. */
const SCALES = [0.2, 1, 4];
const GROWTH_MAX = 1.5;
/** They go over what they count, and so grow with it. */
const SCANS = ['funnel'];

export async function benchGrowth(events: number, say: (line: string) => void): Promise<Row[]> {
  const tables: Row[][] = [];
  say('once for nothing, so that what is asked first is not what the code is compiled on:');
  for (const scale of SCALES) await benchQueries(Math.round(events * scale), say, ['spyglass']);
  for (const scale of SCALES) {
    const stored = Math.round(events * scale);
    say(`${stored.toLocaleString('en')} events:`);
    tables.push(await benchQueries(stored, say, ['spyglass']));
  }
  const [least = [], , most = []] = tables;
  return least.map(({ name, value, answered = 1 }, index) => ({
    name: `growth from ${SCALES[0]} to ${SCALES.at(-1)} × ${events}: ${name}`,
    value: (most[index]?.value ?? Number.NaN) / value / Math.max(1, (most[index]?.answered ?? 1) / answered),
    unit: '×',
    peers: Object.fromEntries(
      tables.map((table, at) => [`${events * (SCALES[at] ?? 0)}`, table[index]?.value ?? Number.NaN]),
    ),
    ...(SCANS.some((scan) => name.startsWith(scan)) ? {} : { goal: { below: GROWTH_MAX } }),
  }));
}
