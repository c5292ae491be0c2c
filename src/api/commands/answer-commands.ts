/** Answers the operator's commands on the socket of the writer lock: whoever can connect to that is the operator. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { PROBLEMS, ProblemError, problemJson, type Refusal } from '../../domain/problems.js';
import type { Progress } from '../../store/port.js';
import type { Logger } from '../context.js';
import { validated } from '../route.js';
import { type Answer, type Ask, COMMANDS, type CommandName, exportQuery, SOCKET_HEADER } from './commands.js';

export interface CommandDeps {
  log: Logger;
  run: {
    readonly [K in CommandName]: (
      ask: Ask<K>,
      onProgress: (progress: Progress) => void,
    ) => Promise<Answer<K>>;
  };
  /** Throws `RangeError`, with the first page, for an `after` beyond the head. */
  exportPages(after: number): AsyncGenerator<string>;
  /** Called with each `folder` answered, once whoever asked for it is gone. */
  removeCopy(folder: string): void;
}

const BODY_CHARS_MAX = 4_096;
const LINES = { 'content-type': 'application/x-ndjson' };

export function answerCommands(deps: CommandDeps): RequestListener {
  return (request, response) => {
    response.on('error', () => {}); // whoever asked is gone
    answer(deps, request, response).catch((error: NodeJS.ErrnoException) => {
      // The consumer of an export had enough.
      if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
      const problem = problemOf(error);
      if (problem.code === 'internal') deps.log.error({ err: error }, 'command failed');
      if (response.headersSent) return response.destroy();
      const head = { 'content-type': 'application/problem+json' };
      return response.writeHead(PROBLEMS[problem.code].status, head).end(problemJson(problem));
    });
  };
}

/** Not as the API tells it: the operator sees what went wrong. */
function problemOf(error: Error): Refusal {
  if (error instanceof ProblemError) return error.refusal;
  if (error instanceof RangeError) return { code: 'invalid_parameter', detail: error.message };
  return { code: error.name === 'StoreReopening' ? 'reopening' : 'internal', detail: error.message };
}

async function answer(deps: CommandDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.headers[SOCKET_HEADER] !== '1')
    throw new ProblemError('forbidden', `A command comes with the header ${SOCKET_HEADER}: 1.`);
  if (request.url === '/commands') return void response.writeHead(204).end();
  const [, name = '', query] = /^\/commands\/([a-z]+)(?:\?(.*))?$/.exec(request.url ?? '') ?? [];
  const method = name === 'export' ? 'GET' : 'POST';
  if (name !== 'export' && !isCommand(name)) throw new ProblemError('not_found', 'There is no such command.');
  if (request.method !== method) throw new ProblemError('method_not_allowed', `This takes a ${method}.`);
  if (name === 'export') return sendExport(deps, query, response);
  return run(deps, name, await bodyOf(request), response);
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) {
    if (text.length <= BODY_CHARS_MAX) text += piece;
  }
  if (text.length > BODY_CHARS_MAX) throw new ProblemError('body_too_large', 'The body is too large.');
  try {
    return JSON.parse(text || '{}');
  } catch {
    throw new ProblemError('invalid_json', 'The body is not JSON.');
  }
}

async function run<K extends CommandName>(
  { log, run, removeCopy }: CommandDeps,
  name: K,
  body: unknown,
  response: ServerResponse,
): Promise<void> {
  const ask = validated(COMMANDS[name].ask, body);
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  const say = (line: object) => response.write(`${JSON.stringify(line)}\n`);
  response.writeHead(200, LINES).flushHeaders();
  try {
    const result = await run[name](ask, (progress) => say({ progress }));
    say({ result });
    log.info({ command: name }, 'command done');
    if ('folder' in result) {
      await closed;
      removeCopy(result.folder);
    }
  } catch (error) {
    log.error({ err: error, command: name }, 'command failed');
    say({ problem: JSON.parse(problemJson(problemOf(error as Error))) });
  }
  response.end();
}

async function sendExport(
  { exportPages }: CommandDeps,
  query: string | undefined,
  response: ServerResponse,
): Promise<void> {
  const { after } = validated(exportQuery, Object.fromEntries(new URLSearchParams(query)));
  const pages = exportPages(after);
  const { value } = await pages.next();
  response.writeHead(200, LINES).write(value);
  await pipeline(pages, response);
}
