/** `npm run bench [-- --only PART] [--events N] [--profile ingest]`: measures, prints a table, writes JSON and charts. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchApply } from './apply.js';
import { drawCharts } from './charts.js';
import { benchClickhouse } from './clickhouse.js';
import { benchDashboard } from './dashboard.js';
import { benchGrowth } from './growth.js';
import { benchHostile } from './hostile.js';
import { benchIngest, benchSingles } from './ingest.js';
import { profileIngest } from './profile.js';
import { benchQueries } from './queries.js';
import { type Row, toTable, writeResults } from './report.js';
import { benchStart } from './start.js';
import { benchBeside, benchFull, benchRebuild, benchServe } from './stored.js';
import { benchLoad, ENGINES, type EngineName, homeOf } from './stores.js';

const RESULTS = 'bench/results';
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    events: { type: 'string', default: '5000000' },
    profile: { type: 'string' },
    /** For `queries`: the engines to ask; SQLite takes minutes. */
    engines: { type: 'string', default: Object.keys(ENGINES).join(',') },
    fresh: { type: 'boolean', default: false },
  },
});
const events = Number(values.events);
if (!Number.isInteger(events) || events < 1)
  throw new Error(`--events ${values.events} is not a positive whole number`);

const engines = values.engines.split(',').filter((name): name is EngineName => name in ENGINES);

const say = (line: string): void => console.error(line);
const folder = mkdtempSync(join(tmpdir(), 'spyglass-bench-'));

/** In the order they run in; each writes its own JSON file. */
const PARTS: Record<string, () => Promise<Row[]>> = {
  ingest: () => benchIngest(folder, say),
  singles: () => benchSingles(folder, say),
  hostile: () => benchHostile(folder, say),
  load: () => benchLoad(events),
  queries: () => benchQueries(events, say, engines),
  serve: () => benchServe(folder, events),
  full: () => benchFull(folder, events, say),
  beside: () => benchBeside(folder, events, say),
  rebuild: () => benchRebuild(folder, events),
  apply: () => benchApply(folder, say),
  start: () => benchStart(folder, say),
  dashboard: () => benchDashboard(folder, events),
  growth: () => benchGrowth(events, say),
  clickhouse: () => benchClickhouse(folder, events, say),
};

/** All but `clickhouse`, which needs another engine and much more time. */
const usual = Object.keys(PARTS).filter((part) => part !== 'clickhouse');
const asked = values.only?.split(',') ?? usual;
for (const part of asked) {
  if (!(part in PARTS)) throw new Error(`--only ${part}: the parts are ${Object.keys(PARTS).join(', ')}`);
}
try {
  if (values.fresh) rmSync(homeOf(events), { recursive: true, force: true });
  if (values.profile !== undefined) {
    console.log(await profileIngest(folder, `${RESULTS}/profile-ingest`));
  } else {
    mkdirSync(homeOf(events), { recursive: true });
    for (const part of asked) {
      say(`\n${part} …`);
      const rows = (await PARTS[part]?.()) ?? [];
      console.log(toTable(rows));
      writeResults(`${RESULTS}/${part}.json`, { events }, rows);
    }
    for (const file of drawCharts(RESULTS, 'docs/images')) say(`drew ${file}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
