/** The limits that are shipped fit each other: the table of docs/deploy.md, limits.ts, compose.yaml and node's flags. */
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

/** The MiB that a bound stands for, where limits.ts has it. */
function mibOf(bound: string): number | undefined {
  const name = /`([A-Z_]+)`/.exec(bound)?.[1];
  if (name === undefined) return undefined;
  const value = values[name];
  if (typeof value !== 'number') throw new Error(`limits.ts has no ${name}`);
  if (name.endsWith('_MB')) return value;
  if (name === 'CONNECTIONS_MAX') return (value * CONNECTION_KIB) / 1_024;
  // A unit of text is two bytes at most.
  if (name.endsWith('_CHARS_MAX')) return (value * 2) / MIB;
  return ((bound.trim().startsWith('2 ×') ? 2 : 1) * value) / MIB;
}

t.test('each row is what limits.ts says, and the sum is their sum', async (t) => {
  t.ok(rows.length > 10);
  for (const { what, bound, mib } of rows.slice(0, -1)) {
    const real = mibOf(bound);
    if (real !== undefined) t.equal(mib, Math.ceil(real), what);
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

t.test('node is started with the heap that the sum counts', async (t) => {
  for (const file of ['Dockerfile', 'package.json', 'docs/operations/spyglass.service'])
    t.match(readFileSync(file, 'utf8'), new RegExp(`--max-old-space-size=${limits.HEAP_MB}\\b`), file);
});
