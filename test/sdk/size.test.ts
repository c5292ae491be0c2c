/** What the SDK weighs, gzipped as it travels: each budget is held by the file a browser gets. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';

/** Bytes, of the script or package entry with all it imports at once, and of each chunk by the beginning of its name. */
const CORE_BYTES_MAX = 5_000;
const CHUNK_BYTES_MAX: Readonly<Record<string, number>> = {
  adopt: 500,
  bodies: 700,
  clicks: 1_200,
  describe: 1_600,
  divide: 500,
  replay: 27_000,
  report: 2_500,
  vitals: 3_600,
};

const SERVED = join(process.cwd(), 'dist/public/sdk');
const PACKAGE = join(process.cwd(), 'sdk/dist');

const sizeOf = (text: string) => gzipSync(text, { level: 9 }).length;

/** A file with all that it imports statically, once each. */
function withImports(folder: string, file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const text = readFileSync(join(folder, file), 'utf8');
  const imported = [...text.matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g)].map(([, name = '']) => name);
  return [text, ...imported.flatMap((name) => withImports(folder, name, seen))];
}

t.test('the script alone is the core', async (t) => {
  const texts = withImports(SERVED, 'spyglass.js');
  t.equal(texts.length, 1);
  t.ok(sizeOf(texts[0] ?? '') <= CORE_BYTES_MAX, `${sizeOf(texts[0] ?? '')} bytes`);
});

t.test('the package’s entry weighs no more', async (t) => {
  const bytes = withImports(PACKAGE, 'index.js').reduce((sum, text) => sum + sizeOf(text), 0);
  t.ok(bytes <= CORE_BYTES_MAX, `${bytes} bytes`);
});

t.test('each chunk keeps to its budget, and there is none without one', async (t) => {
  const chunks = readdirSync(SERVED).filter((name) => name !== 'spyglass.js');
  t.same(chunks.map((name) => name.split('-')[0]).sort(), Object.keys(CHUNK_BYTES_MAX).sort());
  for (const name of chunks) {
    const bytes = sizeOf(readFileSync(join(SERVED, name), 'utf8'));
    t.ok(bytes <= (CHUNK_BYTES_MAX[name.split('-')[0] ?? ''] ?? 0), `${name}: ${bytes} bytes`);
  }
});

t.test('nothing in it needs `eval`, which a strict policy forbids', async (t) => {
  for (const name of readdirSync(SERVED)) {
    t.notMatch(readFileSync(join(SERVED, name), 'utf8'), /\beval\(|new Function\(/, name);
  }
});
