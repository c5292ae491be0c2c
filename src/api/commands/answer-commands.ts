/** Answers the operator's commands on the socket of the writer lock: whoever can connect is the operator. */
import { once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { z } from 'zod';
import {
  type Answer,
  type AnyAsk,
  type Ask,
  type CommandName,
  SOCKET_HEADER,
} from '../../domain/commands.js';
import { PROBLEMS, ProblemError, problemJson, type Refusal } from '../../domain/problems.js';
import type { Progress } from '../../store/port.js';
import type { Logger } from '../context.js';
import { eraseBody } from '../schemas.js';

export interface Asker {
  onProgress(progress: Progress): void;
  /** Settles once there is room for more; rejects where nobody listens any more. */
  onText(text: string): Promise<void>;
  /** Settles once whoever asked is gone. */
  gone: Promise<unknown>;
}

export type CommandRuns = {
  readonly [K in CommandName]: (ask: Ask<K>, asker: Asker) => Promise<Answer<K>>;
};

const BODY_CHARS_MAX = 4_096;
const days = z.int().min(0).max(36_500);
const asks = z.discriminatedUnion('command', [
  z.strictObject({ command: z.enum(['verify', 'backup', 'compact', 'rebuild']) }),
  z.strictObject({ command: z.literal('export'), after: z.int().min(0) }),
  z.strictObject({
    command: z.literal('sweep'),
    events_days: days,
    replays_days: days,
    trust_clock: z.boolean().optional(),
  }),
  eraseBody.extend({ command: z.literal('erase') }).strict(),
  eraseBody.extend({ command: z.literal('erase_preview') }).strict(),
]);

export function answerCommands(run: CommandRuns, log: Logger): RequestListener {
  return async (request, response) => {
    const gone = once(response, 'close').catch(() => {});
    const say = (line: object): boolean => response.write(`${JSON.stringify(line)}\n`);
    const asker: Asker = {
      onProgress: (progress) => say({ progress }),
      async onText(text) {
        if (!say({ text })) await Promise.race([once(response, 'drain'), gone]);
        if (response.destroyed) throw new Error('nobody listens any more');
      },
      gone,
    };
    try {
      const ask = await read(request);
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders();
      const result = await (run[ask.command] as (ask: AnyAsk, asker: Asker) => Promise<object>)(ask, asker);
      say({ result });
      log.info({ command: ask.command }, 'command done');
      // A copy is there until whoever asked is gone.
      if (!('folder' in result)) response.end();
    } catch (error) {
      if (response.destroyed) return;
      const problem = problemOf(error as Error);
      if (problem.code === 'internal') log.error({ err: error }, 'command failed');
      if (response.headersSent) return void response.end(`{"problem":${problemJson(problem)}}\n`);
      const head = { 'content-type': 'application/problem+json' };
      response.writeHead(PROBLEMS[problem.code].status, head).end(problemJson(problem));
    }
  };
}

async function read(request: IncomingMessage): Promise<AnyAsk> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) if (text.length <= BODY_CHARS_MAX) text += piece;
  if (request.headers[SOCKET_HEADER] !== '1')
    throw new ProblemError('forbidden', `A command comes with the header ${SOCKET_HEADER}: 1.`);
  if (request.url !== '/commands') throw new ProblemError('not_found', 'There is nothing but /commands.');
  if (request.method !== 'POST') throw new ProblemError('method_not_allowed', 'Commands are posted.');
  if (text.length > BODY_CHARS_MAX) throw new ProblemError('body_too_large', 'The body is too large.');
  const { data, error } = asks.safeParse(parsed(text));
  if (error === undefined) return data;
  const told = error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim());
  throw new ProblemError('invalid_parameter', `${told.join('; ')}.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProblemError('invalid_json', 'The body is not JSON.');
  }
}

/** Not as the API tells it: the operator sees what went wrong. */
function problemOf(error: Error): Refusal {
  if (error instanceof ProblemError) return error.refusal;
  if (error instanceof RangeError) return { code: 'invalid_parameter', detail: error.message };
  return { code: error.name === 'StoreReopening' ? 'reopening' : 'internal', detail: error.message };
}
