/** How commands end: exit codes that scripts can use, and errors turned into lines that people can. */

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

/** What the operator should read of an error, and the exit code that goes with it; `undefined` for a bug of ours. */
export function explain(error: unknown): { message: string; exitCode: number } | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof CommandFailure) return { message: error.message, exitCode: error.exitCode };
  // By name: the classes live beside the store and the schemas, which a command that fails early never loads.
  if (error.name === 'ConfigError') return { message: error.message, exitCode: EXIT_USAGE };
  if (error.name.startsWith('Store') || error.name === 'NotDelivered')
    return { message: error.message, exitCode: EXIT_FAILED };
  const system = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (system.syscall === 'listen') return { message: listenMessage(system), exitCode: EXIT_FAILED };
  if (system.code !== undefined && system.syscall !== undefined) {
    return { message: system.message, exitCode: EXIT_FAILED };
  }
  return undefined;
}

function listenMessage(error: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  const address = `${error.address ?? 'the address'}:${error.port ?? '?'}`;
  if (error.code === 'EADDRINUSE')
    return `${address} is in use by another program: stop that, or change "listen"`;
  if (error.code === 'EACCES')
    return `${address} may not be bound by this user: choose a port above 1023 in "listen"`;
  if (error.code === 'EADDRNOTAVAIL') return `${address} is not an address of this machine: change "listen"`;
  return `cannot listen on ${address}: ${error.message}`;
}
