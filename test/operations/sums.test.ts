/** The limits that are shipped fit each other: the table of docs/deploy.md, limits.ts, compose.yaml and node's flags. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import * as limits from '../../src/domain/limits.js';

const MIB = 1_048_576;
const CONNECTION_KIB = 24;
/** What may go beyond its bound for a moment: a body more, an answer more. */
const MARGIN_MIB = 64;

const page = readFileSync('docs/deploy.md', 'utf8');
const section = page.split('\n## ').find((text) => text.startsWith('What the limits add up to')) ?? '';
const rows = [...section.matchAll(/^\| (.+?) \|(.*?)\| \**(\d+)\** \|$/gm)].map(
  ([, what = '', bound = '', mib]) => ({ what, bound, mib: Number(mib) }),
);
const { services } = parse(readFileSync('compose.yaml', 'utf8'));
const { mem_limit, ulimits, tmpfs } = services.spyglass;
const values: Record<string, unknown> = { ...limits };

/** Rows that no number of limits.ts stands for: measured. */
const MEASURED = ["node's code, stacks and libraries"];

/** The MiB that a bound stands for. */
function mibOf(bound: string): number {
  const [, times = '1', name = ''] = /^ (?:(\d+) × )?`([A-Z_]+)`/.exec(bound) ?? [];
  const value = values[name];
  if (typeof value !== 'number') throw new Error(`limits.ts has no ${name || 'bound without a name'}`);
  const bytes = () => {
    if (name.endsWith('_MB')) return value * MIB;
    if (name === 'CONNECTIONS_MAX') return value * CONNECTION_KIB * 1_024;
    // A unit of text is two bytes at most.
    return name.endsWith('_CHARS_MAX') ? value * 2 : value;
  };
  return (Number(times) * bytes()) / MIB;
}

t.test('each row is what limits.ts says, and the sum is their sum', async (t) => {
  t.ok(rows.length > 10);
  for (const { what, bound, mib } of rows.slice(0, -1)) {
    if (!MEASURED.includes(what)) t.equal(mib, Math.ceil(mibOf(bound)), what);
  }
  const sum = rows.slice(0, -1).reduce((total, { mib }) => total + mib, 0);
  t.match(rows.at(-1), { what: '**sum**', mib: sum });
});

t.test('the container has the memory, the descriptors and the scratch for all of it', async (t) => {
  t.equal(mem_limit, '2g');
  t.ok((rows.at(-1)?.mib ?? Number.POSITIVE_INFINITY) + MARGIN_MIB <= 2_048);
  t.ok(ulimits.nofile >= limits.CONNECTIONS_MAX + limits.FILES_RESERVED);
  t.same(tmpfs, ['/tmp:size=16m,mode=1777']);
  const service = readFileSync('docs/operations/spyglass.service', 'utf8');
  t.ok(Number(/^LimitNOFILE=(\d+)$/m.exec(service)?.[1]) >= limits.CONNECTIONS_MAX + limits.FILES_RESERVED);
});

t.test('a thread has the bound that it is given, whatever the flag of the main thread', async (t) => {
  const heap = new URL('../../src/store/threads/heap.js', import.meta.url);
  const said =
    'require("worker_threads").parentPort.postMessage(require("v8").getHeapStatistics().heap_size_limit)';
  const script = `import(${JSON.stringify(heap)}).then(({ heapOf }) => {
    const worker = new (require('worker_threads').Worker)('${said}', { eval: true, resourceLimits: heapOf(50) });
    worker.on('message', (bytes) => console.log(bytes));
  })`;
  const flags = ['--max-old-space-size=320', '--max-semi-space-size=4'];
  const bytes = Number(execFileSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8' }));
  t.ok(bytes >= 50 * MIB && bytes <= (50 + 2 * limits.YOUNG_GENERATION_MB) * MIB, `${bytes} bytes`);
});

t.test('node is started with the heap that the sum counts, and gives memory back', async (t) => {
  for (const file of ['Dockerfile', 'package.json', 'docs/operations/spyglass.service']) {
    const text = readFileSync(file, 'utf8');
    const heaps = text.match(new RegExp(`--max-old-space-size=${limits.HEAP_MB}\\b`, 'g')) ?? [];
    t.ok(heaps.length > 0, file);
    t.equal(text.match(/\bMALLOC_MMAP_THRESHOLD_=262144\b/g)?.length, heaps.length, file);
  }
});
