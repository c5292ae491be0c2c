/** `npm run bench [-- --only ingest|apply|queries|start] [--events N]`: measures the collector, prints a table, writes JSON. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchApply } from './apply.js';
import { benchIngest } from './ingest.js';
import { benchQueries } from './queries.js';
import { type Row, toTable, writeResults } from './report.js';
import { benchStart } from './start.js';

const { values } = parseArgs({
  options: { only: { type: 'string' }, events: { type: 'string', default: '1000000' } },
});
const events = Number(values.events);
if (!Number.isInteger(events) || events < 1)
  throw new Error(`--events ${values.events}: a positive number is needed`);

const say = (line: string): void => console.error(line);
const folder = mkdtempSync(join(tmpdir(), 'spyglass-bench-'));
const rows: Row[] = [];
try {
  const asked = (part: string): boolean => values.only === undefined || values.only === part;
  if (asked('ingest')) rows.push(...(await benchIngest(folder, say)));
  if (asked('apply')) rows.push(...(await benchApply(folder, say)));
  if (asked('queries')) rows.push(...(await benchQueries(folder, events, say)));
  if (asked('start')) rows.push(...(await benchStart(folder, say)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(toTable(rows));
mkdirSync('bench/results', { recursive: true });
writeResults(`bench/results/${values.only ?? 'all'}.json`, { events }, rows);
