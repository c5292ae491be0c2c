/** The collector that runs on a data folder, as commands ask it: over the socket of its writer lock. */
import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Answer,
  type Ask,
  COMMANDS,
  type CommandName,
  commandLine,
  SOCKET_HEADER,
} from '../api/commands/commands.js';
import { findSockets } from '../log/file/collector-socket.js';
import type { Progress } from '../store/port.js';
import { CommandFailure } from './failure.js';
import { withProgress } from './progress.js';

type OnProgress = (progress: Progress) => void;

/** Whatever it refuses, and its end before it is done, is a `CommandFailure`. */
export interface RunningCollector {
  run<K extends CommandName>(name: K, ask: Ask<K>, onProgress: OnProgress): Promise<Answer<K>>;
  /** Has it make a copy of its store, which is there until `work` settles. */
  withCopy<T>(name: 'verify' | 'backup', work: (folder: string) => Promise<T>): Promise<T>;
  /** The pages of `exportPages`, cut anywhere. Throws `RangeError` for an `after` beyond the head. */
  exportPages(after: number, onProgress: OnProgress): AsyncGenerator<string>;
  /** Forgets it. */
  close(): void;
}

/** Undefined where none runs, or takes commands yet. Throws `StoreUnusable` where who listens might be somebody else's. */
export async function findCollector(dataDir: string): Promise<RunningCollector | undefined> {
  const { paths, close } = await findSockets(dataDir);
  for (const path of paths) {
    const probe = await send(path, 'GET', '/commands').catch(() => undefined);
    probe?.resume();
    if (probe?.statusCode === 204) return { ...talkTo(dataDir, path), close };
  }
  close();
  return undefined;
}

function talkTo(dataDir: string, socketPath: string): Omit<RunningCollector, 'close'> {
  const stopped = () =>
    new CommandFailure(
      `the collector on ${dataDir} stopped, or rewrote its store, before this was done: run it again`,
    );
  const ask = async (method: string, path: string, body?: object): Promise<IncomingMessage> => {
    const response = await send(socketPath, method, path, body).catch(() => {
      throw stopped();
    });
    response.on('error', () => {}); // cut off, which is seen below
    if (response.statusCode === 200) return response;
    const { detail } = JSON.parse((await response.setEncoding('utf8').toArray()).join('')) as {
      detail: string;
    };
    throw response.statusCode === 400 ? new RangeError(detail) : new CommandFailure(detail);
  };
  /** The answer, and the connection it came over. */
  const open = async <K extends CommandName>(name: K, body: Ask<K>, onProgress: OnProgress) => {
    const response = await ask('POST', `/commands/${name}`, body);
    const lines = linesOf(response);
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      const said = commandLine.parse(JSON.parse(line.value));
      if ('problem' in said) throw new CommandFailure(said.problem.detail);
      if ('progress' in said) onProgress(said.progress);
      else return { answer: COMMANDS[name].answer.parse(said.result), response };
    }
    throw stopped();
  };
  return {
    async run(name, body, onProgress) {
      const { answer, response } = await open(name, body, onProgress);
      response.destroy();
      return answer;
    },
    async withCopy(name, work) {
      const { answer, response } = await withProgress('copy', 'replay chunks', (onProgress) =>
        open(name, {}, onProgress),
      );
      const folder = join(dataDir, answer.folder);
      const failure = async () => {
        // The end of the connection is seen a turn after it was there to be seen.
        for (let turn = 0; turn < 2; turn++) await nextTurn();
        return response.destroyed || !existsSync(folder) ? stopped() : undefined;
      };
      try {
        const result = await work(folder);
        const lost = await failure();
        if (lost) throw lost;
        return result;
      } catch (error) {
        throw (await failure()) ?? error;
      } finally {
        response.destroy();
      }
    },
    async *exportPages(after, onProgress) {
      const response = await ask('GET', `/commands/export?after=${after}`);
      let total = 0;
      try {
        for await (const text of response.setEncoding('utf8')) {
          yield text;
          total ||= Number(/^\{.*"head":(\d+)\}$/m.exec(text)?.[1]);
          const at = text.lastIndexOf('\n{"id":');
          if (at >= 0) onProgress({ done: Number.parseInt(text.slice(at + 7), 10), total });
        }
      } catch {
        throw stopped();
      }
    },
  };
}

function send(socketPath: string, method: string, path: string, body?: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { [SOCKET_HEADER]: '1' };
    const sent = request({ socketPath, method, path, headers, agent: false }, resolve);
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

/** Ends where the answer is cut off, too. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const text of response.setEncoding('utf8')) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    // Whoever reads on finds the end.
  }
}
