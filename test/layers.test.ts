/** Layers point one way, and only the log opens LMDB: held by reading every import, in `src` and as compiled. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import t from 'tap';

const SRC = join(process.cwd(), 'src');

/**
 * The rooms of `src`, from the ground up, and what each may import besides itself and `domain`, which all know. A room may
 * only name rooms above it in this list, so no circle can come about.
 */
const LADDER: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  config: [],
  telemetry: [],
  questions: [],
  'log/file': [],
  'log/batches': ['log/file'],
  'log/wal': ['log/batches', 'log/file', 'telemetry'],
  'projections/engine': ['log/batches', 'log/file'],
  projections: ['projections/engine', 'log/batches', 'log/file'],
  replay: ['log/file'],
  ingest: ['config'],
  'store/answers': [
    ...['store', 'questions', 'projections', 'projections/engine', 'replay', 'log/batches', 'log/file'],
  ],
  store: [
    ...['store/answers', 'store/threads', 'store/offline', 'questions'],
    ...[
      'projections',
      'projections/engine',
      'replay',
      'log/wal',
      'log/batches',
      'log/file',
      'ingest',
      'config',
      'telemetry',
    ],
  ],
  'store/threads': [
    ...['store', 'questions', 'projections', 'projections/engine', 'log/wal', 'log/batches', 'log/file'],
    ...['ingest', 'config', 'telemetry'],
  ],
  'store/offline': [
    ...['store', 'store/answers', 'store/threads', 'projections', 'projections/engine', 'replay'],
    ...['log/wal', 'log/batches', 'log/file', 'ingest', 'telemetry'],
  ],
  clickhouse: ['store', 'store/offline', 'questions', 'ingest', 'config', 'telemetry'],
  api: [
    ...['store', 'questions', 'ingest', 'config', 'telemetry'],
    ...['api/guards', 'api/live', 'api/pages', 'api/routes'],
  ],
  'api/commands': ['api', 'store'],
  'api/guards': ['api', 'config'],
  'api/live': ['api', 'questions', 'store'],
  'api/pages': ['api'],
  'api/routes': ['api', 'api/guards', 'questions', 'store', 'ingest', 'config'],
  demo: [],
  cli: [
    'api',
    'api/commands',
    'clickhouse',
    'demo',
    'store',
    'store/offline',
    'store/threads',
    'questions',
    'log/file',
    'log/wal',
    'ingest',
    'config',
    'telemetry',
  ],
};
/** What these may name of the store: its port, never the embedded engine. The other engine knows the form of an export too. */
const OF_THE_STORE: Readonly<Record<string, readonly string[]>> = {
  api: ['store/port.ts'],
  clickhouse: ['store/port.ts', 'store/offline/export-format.ts'],
  'store/answers': ['store/port.ts'],
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

/** The nearest folder that the ladder names. */
function roomOf(path: string): string {
  const room = dirname(path);
  return room in LADDER || room === '.' ? room : roomOf(room);
}
const folderOf = (path: string): string => path.split('/')[0] ?? '';

t.test('imports point down the ladder only', async (t) => {
  const found = imports().filter(({ what }) => what.endsWith('.ts'));
  t.ok(found.length > 100, 'the imports were found');
  const beyond = found.filter(({ from, what }) => {
    const room = roomOf(from);
    const target = roomOf(what);
    return target !== room && target !== 'domain' && !LADDER[room]?.includes(target);
  });
  t.same(beyond, []);
});

t.test('the API, the answers and the other engine know the port, not the engine', async (t) => {
  const beyond = imports().filter(({ from, what }) => {
    const allowed = OF_THE_STORE[roomOf(from)] ?? OF_THE_STORE[folderOf(from)];
    const isInside = roomOf(from) === roomOf(what);
    return allowed !== undefined && !isInside && folderOf(what) === 'store' && !allowed.includes(what);
  });
  t.same(beyond, []);
});

t.test('a question is a definition: of packages it knows the schemas alone', async (t) => {
  const packages = imports().filter(
    ({ from, what }) => folderOf(from) === 'questions' && !what.endsWith('.ts'),
  );
  t.same([...new Set(packages.map(({ what }) => what))], ['zod']);
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

t.test('a start loads what its threads need: HTTP no LMDB, no thread schemas, ingest no views', async (t) => {
  const http = new Set([...loaded('cli/serve.js'), ...loaded('api/server.js')]);
  t.ok(http.has('fastify') && http.has('zod'), 'packages were found');
  for (const engine of ['lmdb', 'msgpackr']) t.notOk(http.has(engine), `${engine} for HTTP`);
  const ingest = loaded('store/threads/ingest-thread.js');
  for (const thread of ['ingest', 'writer', 'reader', 'fold']) {
    const packages = loaded(`store/threads/${thread}-thread.js`);
    t.ok(packages.has('lmdb') && !packages.has('zod'), `LMDB and no schemas for ${thread}`);
  }
  const intake = loaded('clickhouse/intake-thread.js');
  for (const other of ['lmdb', 'zod', '@clickhouse/client'])
    t.notOk(intake.has(other), `${other} for the intake of ClickHouse`);
  const engine = loaded('clickhouse/open.js');
  t.ok(engine.has('ingest/queue.js') && intake.has('ingest/fast-reader.js'), 'a queue here, a reader there');
  for (const reader of ['fast', 'exact'])
    t.notOk(engine.has(`ingest/${reader}-reader.js`), `${reader} reader for HTTP`);
  t.ok(loaded('store/threads/writer-thread.js').has('projections/sessions.js'), 'views were found');
  t.same(
    [...ingest].filter((file) => dirname(file) === 'projections'),
    [],
    'views for ingest',
  );
});
