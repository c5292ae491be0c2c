/** Stands in front of a node of the 18.16 cluster and speaks today's ClickHouse: `rewrite.ts` says what it changes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, answerError, readStatement, type Statement, URL_BYTES_MAX } from './http.js';
import { type OldStatement, toModernError, toOldSettings, toOldSql } from './rewrite.js';

const MUTATION_POLL_MS = 20;
const MUTATION_TRIES = 1_500;

export interface Proxy {
  readonly url: string;
  close(): Promise<void>;
}

class OldServerError extends Error {
  override name = 'OldServerError';
}

interface ProxyOptions {
  /** The node's own HTTP address. */
  own: string;
  /** Those of every node, for what is to be done everywhere. */
  all: readonly string[];
  /** Statements that get no answer, and never come to the node. */
  isLost: (sql: string) => boolean;
}

export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const server = createServer({ maxHeaderSize: URL_BYTES_MAX }, (request, response) => {
    void handle(request, response, options);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  { own, all, isLost }: ProxyOptions,
): Promise<void> {
  try {
    if (request.url === '/ping') {
      await fetch(`${own}/ping`);
      return answer(request, response, 200, {}, Buffer.from('Ok.\n'));
    }
    const statement = await readStatement(request);
    if (isLost(statement.sql)) return void request.socket.destroy();
    const old = toOldSql(statement.sql, statement.parameters);
    let body: Uint8Array = Buffer.alloc(0);
    for (const node of old.everywhere ? all : [own]) {
      body = await send(node, statement, old);
      await waitForMutation(node, statement, old);
    }
    answer(request, response, 200, {}, body);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The node is gone, or went away: what its own port would do.
    if (error instanceof OldServerError || /^Code: /.test(message)) answerError(request, response, message);
    else request.socket.destroy();
  }
}

async function send(node: string, statement: Statement, old: OldStatement): Promise<Uint8Array> {
  const query = new URLSearchParams([
    ...toOldSettings(statement.settings),
    ...Object.entries(old.settings),
    // An error half-way is then an error, not the end of a list.
    ['wait_end_of_query', '1'],
  ]);
  if (statement.database !== undefined) query.set('database', statement.database);
  // The rows follow their statement, as in a body without `query`: a URL has a bound here.
  const text = Buffer.from(statement.data.length > 0 ? `${old.sql}\n` : old.sql);
  const response = await fetch(`${node}/?${query}`, {
    method: 'POST',
    body: Buffer.concat([text, statement.data]),
  });
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new OldServerError(toModernError(body.toString()).text);
  return body;
}

/** 18.16 only ever queues a mutation. */
async function waitForMutation(node: string, statement: Statement, old: OldStatement): Promise<void> {
  const isAwaited =
    (statement.settings.get('mutations_sync') ?? '0') !== '0' ||
    /mutations_sync\s*=\s*[12]/.test(statement.sql);
  if (!isAwaited || !/^\s*ALTER\s+TABLE\s[\s\S]*\s(DELETE|UPDATE)\s/i.test(old.sql)) return;
  const pending: Statement = { sql: '', data: Buffer.alloc(0), parameters: new Map(), settings: new Map() };
  for (let tries = 0; tries < MUTATION_TRIES; tries += 1) {
    const left = await send(node, pending, {
      sql: 'SELECT count() FROM system.mutations WHERE NOT is_done',
      settings: {},
      everywhere: false,
    });
    if (Buffer.from(left).toString().trim() === '0') return;
    await sleep(MUTATION_POLL_MS);
  }
  throw new OldServerError('Code: 341. DB::Exception: the mutation did not end. (UNFINISHED)');
}
