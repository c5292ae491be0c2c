/** How commands end: exit codes, and errors as lines for people. */

export const EXIT_OK = 0;
/** The command ran and found a problem, or could not finish its work. */
export const EXIT_FAILED = 1;
/** Nothing was tried: the command line or the configuration is wrong. */
export const EXIT_USAGE = 2;

/** Ends a command with lines for the operator and no stack. */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_FAILED) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The text for the operator and the exit code of an error; `undefined` for a bug of ours. */
export function explain(error: unknown): { message: string; exitCode: number } | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  if (error instanceof CommandFailure) return { message, exitCode: error.exitCode };
  // By name: the classes are in modules that a command which fails early never loads.
  if (name === 'ConfigError') return { message, exitCode: EXIT_USAGE };
  if (name.startsWith('Store') || name === 'NotDelivered' || name === 'ProblemError')
    return { message, exitCode: EXIT_FAILED };
  const system: ListenError = error;
  if (system.syscall === 'listen') return { message: listenMessage(system), exitCode: EXIT_FAILED };
  // Of LMDB: an error number instead of a name, and no call.
  if (NO_ROOM.includes(Number(system.code)))
    return { message: `the disk did not take it: ${message}`, exitCode: EXIT_FAILED };
  return system.code && system.syscall ? { message, exitCode: EXIT_FAILED } : undefined;
}

/** `EIO`, which LMDB also gives when only a part was written, and `ENOSPC`. */
const NO_ROOM = [5, 28];

type ListenError = NodeJS.ErrnoException & { address?: string; port?: number };

function listenMessage(error: ListenError): string {
  const address = `${error.address ?? 'the address'}:${error.port ?? '?'}`;
  if (error.code === 'EADDRINUSE')
    return `${address} is in use by another program: stop that, or change "listen"`;
  if (error.code === 'EACCES')
    return `${address} may not be bound by this user: choose a port above 1023 in "listen"`;
  if (error.code === 'EADDRNOTAVAIL') return `${address} is not an address of this machine: change "listen"`;
  return `cannot listen on ${address}: ${error.message}`;
}
