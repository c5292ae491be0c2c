/**
 * A program: today's ClickHouse in this process (chdb) behind its HTTP interface, so that the real client speaks to it.
 *
 * `node front.js FOLDER PORT` prints the port once it answers. The engine runs one statement at a time, in the order of
 * arrival. Not there: sessions, binary formats, clusters.
 */
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { answer, answerError, readStatement, type Statement, URL_BYTES_MAX } from './http.js';
import { parametersOf, unbound } from './rewrite.js';

interface Result {
  bytes(): Uint8Array;
  rowsRead: number;
}
interface Session {
  query(sql: string): string;
  queryAsync(sql: string, options: { format: string }): Promise<Result>;
  close(): void;
}

/** Where the package may be: it is too large for everybody's `node_modules`. */
const HOMES = ['test/clickhouse', 'bench'];
const [folder = '', port = '0'] = process.argv.slice(2);
const session = open();
let queue: Promise<unknown> = Promise.resolve();
let database = 'default';
let settings = new Map<string, string>();

const server = createServer({ maxHeaderSize: URL_BYTES_MAX }, (request, response) => {
  // Whoever has gone meanwhile is not answered, as by a real server: those that wait behind would wait for nothing.
  queue = queue.then(() => (response.destroyed ? undefined : handle(request, response)));
});
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  console.log(typeof address === 'object' ? address?.port : address);
});
process.once('SIGTERM', () => {
  session.close();
  process.exit();
});
// Whoever started this holds the other end: when it is gone, so is this.
process.stdin.on('end', () => process.exit()).resume();

function open(): Session {
  for (const home of HOMES) {
    const manifest = fileURLToPath(new URL(`../../../../${home}/package.json`, import.meta.url));
    const require = createRequire(manifest);
    if (!existsSync(manifest.replace('package.json', 'node_modules/chdb'))) continue;
    const { Session } = require('chdb') as {
      Session: new (path: string, options: { connectionArgs: string[] }) => Session;
    };
    // Parameters come as statements here, and are not to be cut shorter than a server cuts a URL.
    return new Session(folder, { connectionArgs: ['--max_query_size=16777216'] });
  }
  throw new Error('chdb is not installed: npm install --no-save --prefix test/clickhouse --workspaces=false');
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/ping') return answer(request, response, 200, {}, Buffer.from('Ok.\n'));
  try {
    const statement = await readStatement(request);
    const format = /[?&]default_format=(\w+)/.exec(request.url ?? '')?.[1] ?? 'TabSeparated';
    const result = await run(statement, format);
    const summary = JSON.stringify({ read_rows: String(result.rowsRead) });
    answer(
      request,
      response,
      200,
      {
        'X-ClickHouse-Summary': summary,
        ...(statement.queryId === undefined ? {} : { 'X-ClickHouse-Query-Id': statement.queryId }),
      },
      result.bytes(),
    );
  } catch (error) {
    // The client went away, or the engine refused: either way nobody but this request is concerned.
    if (response.writable) {
      answerError(
        request,
        response,
        String(error instanceof Error ? error.message : error).replace(/^Query failed: /, ''),
      );
    }
  }
}

async function run(statement: Statement, format: string): Promise<Result> {
  const wanted = statement.database ?? 'default';
  if (wanted !== database) {
    session.query(`USE ${name(wanted)}`);
    database = wanted;
  }
  // A session would stay so for good.
  statement.settings.delete('readonly');
  for (const [key] of settings) if (!statement.settings.has(key)) session.query(`SET ${name(key)} = DEFAULT`);
  for (const [key, value] of statement.settings) {
    if (settings.get(key) !== value) session.query(`SET ${name(key)} = ${text(value)}`);
  }
  settings = statement.settings;
  // The session remembers those of earlier statements, which a server would not.
  for (const key of parametersOf(statement.sql))
    if (!statement.parameters.has(key)) throw new Error(unbound(key));
  for (const [key, value] of statement.parameters)
    session.query(`SET ${name(`param_${key}`)} = ${text(value)}`);
  // A fatal decoder: bytes that are no text would be changed on their way.
  const data = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(statement.data);
  return session.queryAsync(data === '' ? statement.sql : `${statement.sql}\n${data}`, { format });
}

function name(identifier: string): string {
  return `\`${identifier.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`;
}
