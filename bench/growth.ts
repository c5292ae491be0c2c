/** How reads grow with the store: spyglass with 1, 5 and 20 million events; a longer answer may take proportionally longer. */
import { benchQueries } from './queries.js';
import { median, type Row, spread } from './report.js';

/** Factors of `--events`. */
const SCALES = [0.2, 1, 4];
const GROWTH_MAX = 1.5;
/** The stores take turns, so that compiled code is not specialised for one of them. */
const ROUNDS = 3;
/** Questions that read all they count, and so grow with it. */
const SCANS = ['funnel'];

export async function benchGrowth(events: number, say: (line: string) => void): Promise<Row[]> {
  const ask = (scale: number): Promise<Row[]> => benchQueries(Math.round(events * scale), say, ['spyglass']);
  say('warm-up, so that the code is not compiled for the first store alone:');
  for (const scale of SCALES) await ask(scale);
  const rounds: Row[][][] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    say(`round ${round}: ${SCALES.map((scale) => (events * scale).toLocaleString('en')).join(', ')} events`);
    const tables: Row[][] = [];
    for (const scale of SCALES) tables.push(await ask(scale));
    rounds.push(tables);
  }
  const names = rounds[0]?.[0]?.map(({ name }) => name) ?? [];
  return names.map((name, index) => {
    const ratios = rounds.map(([least, , most]) => growth(least?.[index], most?.[index]));
    const timesAt = (at: number) => rounds.map((tables) => tables[at]?.[index]?.value ?? Number.NaN);
    return {
      name: `growth from ${SCALES[0]} to ${SCALES.at(-1)} × ${events}: ${name}`,
      value: median(ratios),
      unit: '×',
      spread: spread(ratios),
      peers: Object.fromEntries(SCALES.map((scale, at) => [`${events * scale}`, median(timesAt(at))])),
      ...(SCANS.some((scan) => name.startsWith(scan)) ? {} : { goal: { below: GROWTH_MAX } }),
    };
  });
}

/** The ratio of the times, divided by the ratio of the answers' rows where that is greater than 1. */
function growth(least: Row | undefined, most: Row | undefined): number {
  const longer = (most?.answered ?? 1) / (least?.answered ?? 1);
  return (most?.value ?? Number.NaN) / (least?.value ?? Number.NaN) / Math.max(1, longer);
}
