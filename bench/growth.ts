/** How the reads grow with what is stored: 1, 5 and 20 million events, spyglass alone; a longer answer may take as much longer. */
import { benchQueries } from './queries.js';
import { median, type Row, spread } from './report.js';

/** Parts of the number of events asked for. */
const SCALES = [0.2, 1, 4];
const GROWTH_MAX = 1.5;
/** All stores in turn: one alone would have what is compiled better for it. */
const ROUNDS = 3;
/** They go over what they count, and so grow with it. */
const SCANS = ['funnel'];

export async function benchGrowth(events: number, say: (line: string) => void): Promise<Row[]> {
  const ask = (scale: number): Promise<Row[]> => benchQueries(Math.round(events * scale), say, ['spyglass']);
  say('once for nothing, so that what is asked first is not what the code is compiled on:');
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
    const timesAt = (place: number) => rounds.map((tables) => tables[place]?.[index]?.value ?? Number.NaN);
    return {
      name: `growth from ${SCALES[0]} to ${SCALES.at(-1)} × ${events}: ${name}`,
      value: median(ratios),
      unit: '×',
      spread: spread(ratios),
      peers: Object.fromEntries(SCALES.map((scale, place) => [`${events * scale}`, median(timesAt(place))])),
      ...(SCANS.some((scan) => name.startsWith(scan)) ? {} : { goal: { below: GROWTH_MAX } }),
    };
  });
}

/** How much longer it takes, by the rows of the answer where that is longer too. */
function growth(least: Row | undefined, most: Row | undefined): number {
  const longer = (most?.answered ?? 1) / (least?.answered ?? 1);
  return (most?.value ?? Number.NaN) / (least?.value ?? Number.NaN) / Math.max(1, longer);
}
