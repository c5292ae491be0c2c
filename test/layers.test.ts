/** Layers point one way, and only the log opens LMDB: held by reading every import, in `src` and as compiled. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import t from 'tap';

const SRC = join(process.cwd(), 'src');

/** What each folder may import besides itself and the shared words at the top of `src`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  '': [],
  ingest: [],
  log: [],
  projections: ['log'],
  replay: ['log'],
  store: ['projections', 'replay', 'log', 'ingest'],
  clickhouse: ['store', 'projections', 'ingest'],
  api: ['store', 'ingest', 'replay'],
  cli: ['api', 'clickhouse', 'store', 'replay', 'projections', 'log', 'ingest'],
};
/** Of the store, the API knows the port alone, never the engine; of replay, the pure rule of cues. */
const API_FILES: Readonly<Record<string, readonly string[]>> = {
  store: ['store/store.ts'],
  replay: ['replay/cue.ts'],
};

interface Import {
  from: string;
  /** Path under `src`, or the package's name. */
  what: string;
}

function imports(): Import[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return files.flatMap((from) => {
    const text = readFileSync(join(SRC, from), 'utf8');
    return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, what = '']) => ({
      from,
      what: what.startsWith('.') ? normalize(join(dirname(from), what)).replace(/\.js$/, '.ts') : what,
    }));
  });
}

const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : '');

t.test('imports point down the layers only', async (t) => {
  const found = imports().filter(({ what }) => what.endsWith('.ts'));
  t.ok(found.length > 100, 'the imports were found');
  const upward = found.filter(({ from, what }) => {
    const folder = folderOf(from);
    const target = folderOf(what);
    return target !== '' && target !== folder && !(MAY_IMPORT[folder] ?? []).includes(target);
  });
  t.same(upward, []);
});

t.test('the API knows the port, not the engine', async (t) => {
  const beyond = imports().filter(({ from, what }) => {
    const allowed = API_FILES[folderOf(what)];
    return folderOf(from) === 'api' && allowed !== undefined && !allowed.includes(what);
  });
  t.same(beyond, []);
});

t.test('only the log opens LMDB, and it knows no HTTP', async (t) => {
  const packages = imports().filter(({ what }) => !what.endsWith('.ts'));
  t.same(
    packages.filter(({ from, what }) => what === 'lmdb' && relative('log', from).startsWith('..')),
    [],
  );
  const httpBelow = packages.filter(
    ({ from, what }) => /fastify/.test(what) && !['api', 'cli'].includes(folderOf(from)),
  );
  t.same(httpBelow, []);
});

t.test('the client of ClickHouse is loaded by who uses it only', async (t) => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const loading = files.filter((file) =>
    /^import (?!type )[^;]*from '@clickhouse\/client'/m.test(readFileSync(join(SRC, file), 'utf8')),
  );
  t.same(loading, [], 'never with the module that names it');
  const early = files.filter(
    (file) =>
      !file.startsWith('clickhouse/') &&
      /^import (?!type )[^;]*from '[./]*\/clickhouse\//m.test(readFileSync(join(SRC, file), 'utf8')),
  );
  t.same(early, ['cli/migrate.ts'], 'and nothing of the engine with a command that may not need it');
});

/** Every module and package that a compiled file loads before it runs. */
function loaded(file: string, known = new Set<string>()): Set<string> {
  const path = join(process.cwd(), 'dist/src', file);
  for (const [, what = ''] of readFileSync(path, 'utf8').matchAll(
    /^(?:import|export)(?:[^'=]* from)? '([^']+)'/gm,
  )) {
    const next = what.startsWith('.') ? normalize(join(dirname(file), what)) : what;
    if (known.has(next)) continue;
    known.add(next);
    if (what.startsWith('.')) loaded(next, known);
  }
  return known;
}

t.test('a start loads what its threads need: HTTP no LMDB, ingest no schemas', async (t) => {
  const http = new Set([...loaded('cli/serve.js'), ...loaded('api/server.js')]);
  t.ok(http.has('fastify') && http.has('zod'), 'packages were found');
  for (const engine of ['lmdb', 'msgpackr']) t.notOk(http.has(engine), `${engine} for HTTP`);
  const ingest = loaded('store/threads/ingest-thread.js');
  t.ok(ingest.has('lmdb'));
  t.notOk(ingest.has('zod'), 'zod for ingest');
});
