/**
 * Bounds the connections, each of which takes memory and a descriptor. At the bound a new one takes the place
 * of one that has sent nothing yet, else of the oldest of the address that has the most; where that is its own
 * address it is answered with a 503. Below the bound nothing is done for a request.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { CONNECTIONS_MAX, FILES_RESERVED, LINGERING_MAX, REFUSED_LINGER_MS } from '../domain/limits.js';
import type { Logger } from './context.js';
import { OUT_OF_FILES, rawProblem } from './errors.js';
import { networkOfSocket } from './guards/client-address.js';

const LOG_EVERY_MS = 10_000;

interface Victim {
  socket: Socket;
  network: string;
}

export interface Connections {
  watch(server: Server): void;
  counts(): { open: number; cut: number; refused: number };
}

/** Room for files too, where the system allows few descriptors; `nofile` is how many. */
export const connectionsMax = (nofile = readNofile()): number =>
  Math.min(CONNECTIONS_MAX, Math.max(Math.floor(nofile / 2), nofile - FILES_RESERVED));

export function createConnections(log: Logger, max = connectionsMax()): Connections {
  /** Those that had sent nothing when they were last looked at, the oldest first, and their networks. */
  const silent = new Map<Socket, string>();
  const networks = new Map<string, Set<Socket>>();
  const counts = { open: 0, cut: 0, refused: 0 };
  let lingering = 0;
  const warn = openWarning(log);

  const refuse = (socket: Socket): void => {
    counts.refused++;
    warn('there are as many connections as there may be: further ones are refused');
    if (lingering >= LINGERING_MAX) {
      socket.destroy();
      return;
    }
    lingering++;
    socket.once('close', () => {
      lingering--;
    });
    answerRefused(socket);
  };
  const forget = (socket: Socket, network: string): void => {
    silent.delete(socket);
    const sockets = networks.get(network);
    if (!sockets?.delete(socket)) return;
    counts.open--;
    if (sockets.size === 0) networks.delete(network);
  };
  const cut = ({ socket, network }: Victim): void => {
    counts.cut++;
    warn('there are as many connections as there may be: silent and old ones are cut');
    forget(socket, network);
    socket.destroy();
  };
  const victimFor = (newcomer: string): Victim | undefined => {
    for (const [socket, network] of silent) {
      if (socket.bytesRead === 0) return { socket, network };
      silent.delete(socket);
    }
    const [network, sockets] = greatestOf(networks);
    const [socket] = sockets;
    return socket === undefined || network === newcomer ? undefined : { socket, network };
  };
  const onConnection = (socket: Socket): void => {
    const network = networkOfSocket(socket);
    if (counts.open >= max) {
      const victim = victimFor(network);
      if (victim === undefined) {
        refuse(socket);
        return;
      }
      cut(victim);
    }
    counts.open++;
    silent.set(socket, network);
    networks.set(network, (networks.get(network) ?? new Set<Socket>()).add(socket));
    socket.once('close', () => forget(socket, network));
  };
  return {
    counts: () => counts,
    watch(server) {
      server.on('connection', onConnection);
      server.on('error', (error: NodeJS.ErrnoException) => {
        // Without a listener it would end the process.
        if (error.syscall === 'accept') warn(`a connection could not be accepted: ${error.message}`);
      });
    },
  };
}

/** Answers with a 503, and closes the connection a while later. */
function answerRefused(socket: Socket): void {
  socket.on('error', () => {});
  dropRequests(socket);
  socket.end(rawProblem(OUT_OF_FILES));
  // Data that nobody reads would make the kernel send a reset, which can overtake the answer.
  const timer = setTimeout(() => socket.destroy(), REFUSED_LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** What a refused connection sends must not be carried out: it has its answer. */
function dropRequests(socket: Socket): void {
  const drop = () => {};
  // A listener makes the server take data from the socket, not from its handle; its own can be removed then.
  socket.on('data', drop);
  socket.removeAllListeners('data').on('data', drop);
}

/** The network with the most connections; of several the one that is known longest. */
function greatestOf(networks: ReadonlyMap<string, ReadonlySet<Socket>>) {
  let greatest: readonly [string, ReadonlySet<Socket>] = ['', new Set()];
  for (const entry of networks) if (entry[1].size > greatest[1].size) greatest = entry;
  return greatest;
}

/** Warns once in a while. */
function openWarning(log: Logger): (text: string) => void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return (text) => {
    if (performance.now() - warnedAt < LOG_EVERY_MS) return;
    warnedAt = performance.now();
    log.warn(text);
  };
}

/** How many descriptors this process may have (Linux); elsewhere as many as it likes. */
function readNofile(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
