/** Asks the collector that runs on a data folder, over the socket of its writer lock. */
import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Answer, type Ask, type CommandName, SOCKET_HEADER } from '../domain/commands.js';
import { findSockets } from '../log/file/collector-socket.js';
import type { OnProgress } from '../store/port.js';
import { CommandFailure } from './failure.js';
import { withProgress } from './progress.js';

/** A collector that took a command. Its refusal, or an end before the answer, is a `CommandFailure`. */
export type Asked<K extends CommandName> = ReturnType<typeof listenTo<K>>;

/** Undefined where no collector takes commands. Throws `StoreUnusable` where another user may listen. */
export async function askCollector<K extends CommandName>(
  dataDir: string,
  ask: Ask<K>,
): Promise<Asked<K> | undefined> {
  const { paths, close } = await findSockets(dataDir);
  try {
    for (const path of paths) {
      const response = await send(path, ask).catch(() => undefined);
      if (response?.statusCode === 503) response.resume();
      else if (response) return listenTo<K>(dataDir, response);
    }
    return undefined;
  } finally {
    close();
  }
}

function send(socketPath: string, ask: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { [SOCKET_HEADER]: '1' };
    const options = { socketPath, method: 'POST', path: '/commands', headers, agent: false };
    request(options, resolve).on('error', reject).end(JSON.stringify(ask));
  });
}

function listenTo<K extends CommandName>(dataDir: string, response: IncomingMessage) {
  const stopped = `the collector on ${dataDir} stopped, or rewrote its store, before this was done: run it again`;
  const lines = linesOf(response);
  response.on('error', () => {}); // the lines end then

  /** The text of an export. Throws `RangeError` for an `after` beyond the head. */
  async function* pages(onProgress: OnProgress): AsyncGenerator<string, Answer<K>> {
    let isHeld = false;
    try {
      for (let line = await lines.next(); !line.done; line = await lines.next()) {
        const { progress, text, result, problem } = JSON.parse(line.value);
        if (problem?.status === 400) throw new RangeError(problem.detail);
        if (problem) throw new CommandFailure(problem.detail);
        if (progress) onProgress(progress);
        if (text) yield text;
        isHeld = result?.folder !== undefined;
        if (result) return result;
      }
      throw new CommandFailure(stopped);
    } finally {
      if (!isHeld) response.destroy();
    }
  }
  const answer = async (onProgress: OnProgress): Promise<Answer<K>> => {
    const said = pages(onProgress);
    for (;;) {
      const { done, value } = await said.next();
      if (done) return value;
    }
  };
  return {
    pages,
    answer,
    /** For a command that is answered with a copy, which is kept until `work` settles. */
    async withCopy<T>(work: (folder: string) => Promise<T>): Promise<T> {
      const copy = (await withProgress('copy', 'replay chunks', answer)) as Answer<'verify'>;
      const path = join(dataDir, copy.folder);
      const [came] = await Promise.allSettled([work(path)]);
      // Node reports the end of a connection a turn later.
      for (let turn = 0; turn < 2; turn++) await nextTurn();
      const isLost = response.destroyed || !existsSync(path);
      response.destroy();
      if (isLost) throw new CommandFailure(stopped);
      if (came.status === 'rejected') throw came.reason;
      return came.value;
    },
  };
}

/** The lines of the answer, or the body of a refusal as one line. A connection that is cut off ends them. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const piece of response.setEncoding('utf8')) {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch {
    return;
  }
  if (response.statusCode !== 200) yield `{"problem":${rest}}`;
}
