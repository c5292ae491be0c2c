/** Charts for the README: horizontal bars as SVG from the results' JSON, for light and dark pages. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from './report.js';

const WIDTH = 720;
const LABEL = 170;
const BAR = 22;
const GAP = 8;
const TITLE = 34;

interface Bar {
  label: string;
  value: number;
  unit: string;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const short = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString();

/** Titled groups of bars; each group has its own scale. */
function chart(groups: readonly { title: string; bars: readonly Bar[] }[]): string {
  let y = 8;
  const parts: string[] = [];
  for (const { title, bars } of groups) {
    parts.push(`<text class="title" x="8" y="${y + 16}">${escaped(title)}</text>`);
    y += TITLE - GAP;
    const most = Math.max(...bars.map(({ value }) => value));
    for (const { label, value, unit } of bars) {
      const length = Math.max(2, (value / most) * (WIDTH - LABEL - 120));
      const kind = label === 'spyglass' ? 'own' : 'peer';
      parts.push(
        `<text x="${LABEL - 8}" y="${y + 16}" text-anchor="end">${escaped(label)}</text>`,
        `<rect class="${kind}" x="${LABEL}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="3"/>`,
        `<text class="figure" x="${(LABEL + length + 8).toFixed(1)}" y="${y + 16}">${short(value)} ${unit}</text>`,
      );
      y += BAR + GAP;
    }
    y += GAP * 2;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-labelledby="title">
<title id="title">${escaped(groups.map(({ title }) => title).join('; '))}</title>
<style>
text { font: 14px system-ui, sans-serif; fill: #57606a }
.title { font-weight: 600; fill: #1f2328 }
.figure { font-variant-numeric: tabular-nums; fill: #1f2328 }
.own { fill: #0969da } .peer { fill: #afb8c1 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 } .title, .figure { fill: #f0f6fc } .own { fill: #4493f8 } .peer { fill: #4b535d }
}
</style>
${parts.join('\n')}
</svg>
`;
}

const barsOf = ({ value, unit, peers = {} }: Row): Bar[] => [
  { label: 'spyglass', value, unit },
  ...Object.entries(peers).map(([label, figure]) => ({ label, value: figure, unit })),
];

/** Draws a chart for each part that has results; returns the files. */
export function drawCharts(results: string, images: string): string[] {
  const resultOf = (part: string): { events: number; rows: Row[] } => {
    const path = join(results, `${part}.json`);
    return existsSync(path)
      ? (JSON.parse(readFileSync(path, 'utf8')) as { events: number; rows: Row[] })
      : { events: 0, rows: [] };
  };
  const queries = resultOf('queries');
  const drawn: string[] = [];
  const draw = (file: string, rows: readonly Row[], note: string): void => {
    if (rows.length === 0) return;
    mkdirSync(images, { recursive: true });
    writeFileSync(
      join(images, file),
      chart(rows.map((row) => ({ title: `${row.name} (${note})`, bars: barsOf(row) }))),
    );
    drawn.push(join(images, file));
  };
  const withPeers = (rows: Row[]): Row[] => rows.filter(({ peers }) => peers !== undefined);
  draw(
    'bench-ingest.svg',
    withPeers(resultOf('ingest').rows).filter(({ unit }) => unit === 'req/s'),
    'more is better',
  );
  draw(
    'bench-queries.svg',
    withPeers(queries.rows).filter(({ name }) => /^(funnel|aggregates)/.test(name)),
    `${queries.events.toLocaleString('en')} events stored, less is better`,
  );
  return drawn;
}
