/** The stand-ins that the tests of the other engine rely upon: both take the same statements, and no parameter leaves its literal. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import t from 'tap';
import { type Chdb, type Engine, startChdb } from '../../support/clickhouse/chdb.js';
import { type Cluster, startCluster } from '../../support/clickhouse/cluster.js';
import { toOldSql } from '../../support/clickhouse/rewrite.js';

const JSON_NUMBERS = 'output_format_json_quote_64bit_integers=0';

let chdb: Chdb;
let cluster: Cluster;
t.before(async () => {
  [chdb, cluster] = await Promise.all([startChdb(), startCluster()]);
});
t.teardown(() => Promise.all([chdb.close(), cluster.close()]));

/** A value as the client writes it into the URL. */
function param(value: string | number | readonly string[]): string {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return `[${value.map((item) => `'${param(item)}'`).join(',')}]`;
  const named: Record<string, string> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', "'": "\\'", '\\': '\\\\' };
  return value.replace(/[\t\n\r'\\]/g, (char) => named[char] ?? char);
}

async function ask(
  engine: Engine,
  sql: string,
  parameters: Record<string, Parameters<typeof param>[0]> = {},
) {
  const query = new URLSearchParams(
    Object.entries(parameters).map(([name, value]): [string, string] => [`param_${name}`, param(value)]),
  );
  const response = await fetch(`${engine.url}/?${JSON_NUMBERS}&${query}`, { method: 'POST', body: sql });
  return {
    status: response.status,
    code: response.headers.get('x-clickhouse-exception-code'),
    text: await response.text(),
  };
}

t.test('a parameter is data to both, whatever is in it', async () => {
  const strings = fc.string({
    unit: fc.constantFrom(
      "'",
      '\\',
      '"',
      '`',
      '\n',
      '\t',
      '\0',
      '{',
      'a:String}',
      '--',
      '/*',
      ';',
      'é',
      '😀',
      ' OR 1=1 ',
    ),
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(strings, fc.array(strings, { maxLength: 3 }), async (one, many) => {
      const sql =
        "SELECT {one:String} AS one, {many:Array(String)} AS many, '{one:String}' AS text FORMAT JSONEachRow";
      const expected = { one, many, text: '{one:String}' };
      for (const engine of [chdb, cluster]) {
        assert.deepEqual(JSON.parse((await ask(engine, sql, { one, many })).text), expected);
      }
    }),
    { numRuns: 100 },
  );
});

t.test('a value that is none of its type is refused by both', async (t) => {
  for (const engine of [chdb, cluster]) {
    t.equal((await ask(engine, 'SELECT {n:UInt64}', { n: '1 OR 1' })).code, '457');
    t.equal((await ask(engine, 'SELECT {n:UInt64}')).code, '456');
    t.equal((await ask(engine, 'SELECT 1 FROM nowhere')).code, '60');
  }
});

t.test('rows arrive whole, compressed or not, in tables today declares', async (t) => {
  const rows = [
    { id: 1, name: "a'b\\c\u0000\n", day: null },
    { id: 2, name: '😀', day: 5 },
  ];
  for (const engine of [chdb, cluster]) {
    const onCluster = engine.cluster === undefined ? '' : `ON CLUSTER ${engine.cluster}`;
    const statements = [
      `CREATE DATABASE h ${onCluster}`,
      `CREATE TABLE h.t ${onCluster} (id UInt64 CODEC(Delta, ZSTD(1)), name LowCardinality(String), day Nullable(UInt32), INDEX i name TYPE bloom_filter(0.01) GRANULARITY 4)
        ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 1024, fsync_after_insert = 1`,
    ];
    for (const sql of statements) t.same(await ask(engine, sql), { status: 200, code: null, text: '' });
    const query = new URLSearchParams({
      query: 'INSERT INTO t FORMAT JSONEachRow',
      database: 'h',
      async_insert: '0',
    });
    const body = gzipSync(rows.map((row) => JSON.stringify(row)).join('\n'));
    const inserted = await fetch(`${engine.url}/?${query}`, {
      method: 'POST',
      body,
      headers: { 'Content-Encoding': 'gzip' },
    });
    t.equal(inserted.status, 200, await inserted.text());
    const { text } = await ask(engine, 'SELECT * FROM h.t ORDER BY id LIMIT {n:UInt32} FORMAT JSONEachRow', {
      n: 5,
    });
    t.same(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
      rows,
    );
    const deletion = 'ALTER TABLE h.t DELETE WHERE id = {id:UInt64} SETTINGS mutations_sync = 1';
    t.equal((await ask(engine, deletion, { id: 1 })).text, '');
    t.equal((await ask(engine, 'SELECT count() FROM h.t')).text.trim(), '1');
  }
});

t.test('a cluster spreads what is put into it, and a killed shard keeps what it had', async (t) => {
  const on = `ON CLUSTER ${cluster.cluster}`;
  await ask(cluster, `CREATE DATABASE d ${on}`);
  await ask(
    cluster,
    `CREATE TABLE d.t_local ${on} (u String) ENGINE = ReplicatedMergeTree('/t/{shard}', '{replica}') ORDER BY u`,
  );
  await ask(
    cluster,
    `CREATE TABLE d.t ${on} AS d.t_local ENGINE = Distributed(spyglass, d, t_local, cityHash64(u))`,
  );
  const rows = Array.from({ length: 20 }, (_, index) => JSON.stringify({ u: `u${index}` })).join('\n');
  const { text } = await ask(
    cluster,
    `INSERT INTO d.t SETTINGS distributed_foreground_insert = 1 FORMAT JSONEachRow\n${rows}`,
  );
  t.equal(text, '');
  const shares = await Promise.all(
    [0, 1].map(async (shard) => Number(await cluster.ask(shard, 'SELECT count() FROM d.t_local'))),
  );
  t.equal(shares[0], 20 - (shares[1] ?? 0));
  t.ok(
    shares.every((share) => share > 0),
    `${shares}`,
  );
  await cluster.kill(1);
  t.equal((await ask(cluster, 'SELECT count() FROM d.t')).status, 500);
  await t.rejects(fetch(`${cluster.urls[1]}/ping`), 'a dead node answers nothing');
  await cluster.restart(1);
  t.equal((await ask(cluster, 'SELECT count() FROM d.t')).text.trim(), '20');
});

t.test('what is written into a statement outside of literals is not SQL of the parameter', async (t) => {
  const { sql } = toOldSql(
    "SELECT '{x:String}', {x:String} /* {x:String} */ -- {x:String}\n, `{x:String}`",
    new Map([['x', "\\'"]]),
  );
  t.equal(sql.replace(/\s+/g, ' '), "SELECT '{x:String}', '\\'' , `{x:String}`");
});
