/** Calls between threads: a method name and arguments one way, a result or a described error the other. */
import { ProblemError, type Refusal } from '../../domain/problems.js';
import { StoreUnusable } from '../../log/file/data-dir.js';
import { ViewNotReady } from '../../projections/engine/projection.js';
import { ReadCancelled, ReadTimeout, StoreFailed, StoreFull } from '../port.js';

export interface Call {
  kind: 'call';
  id: number;
  method: string;
  args: unknown[];
}

export type Reply = { kind: 'reply'; id: number } & ({ result: unknown } | { error: PlainError });

/** An error for structured clone, which loses classes. */
export interface PlainError {
  name: string;
  message: string;
  stack?: string | undefined;
  /** The message of the error's `cause`, for example of a system call. */
  cause?: string | undefined;
  /** Of a `ProblemError`. */
  refusal?: Refusal;
}

const ERRORS = { StoreFull, StoreFailed, ReadCancelled, ReadTimeout, StoreUnusable, ViewNotReady } as const;

export function toPlain(error: unknown): PlainError {
  if (error instanceof ProblemError)
    return { name: error.name, message: error.message, refusal: error.refusal };
  return error instanceof Error
    ? { name: error.name, message: error.message, stack: error.stack, cause: causeOf(error) }
    : { name: 'Error', message: String(error) };
}

const causeOf = ({ cause }: Error): string | undefined =>
  cause instanceof Error ? cause.message : undefined;

/** Makes the error again, with its class where the port documents one. */
export function fromPlain({ name, message, stack, cause, refusal }: PlainError): Error {
  if (refusal !== undefined) return new ProblemError(refusal.code, refusal.detail, refusal);
  const Class = name in ERRORS ? ERRORS[name as keyof typeof ERRORS] : Error;
  const error = new Class(message, cause === undefined ? {} : { cause: new Error(cause) });
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Calls the functions of another thread as if they were `Calls`, which are asynchronous. */
export function openCaller<Calls extends object>(post: (call: Call) => void) {
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let id = 0;
  let failure: Error | undefined;
  const call = (method: string, args: unknown[]) =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure);
      open.set(++id, { resolve, reject });
      post({ kind: 'call', id, method, args });
    });
  const get = (_: object, method: string | symbol) =>
    // Whoever awaits the object asks for `then`.
    typeof method === 'symbol' || method === 'then' ? undefined : (...args: unknown[]) => call(method, args);
  return {
    calls: new Proxy({}, { get }) as Calls,
    /** Ends the call that the reply is for. */
    takeReply(reply: Reply): void {
      const waiting = open.get(reply.id);
      open.delete(reply.id);
      if ('error' in reply) waiting?.reject(fromPlain(reply.error));
      else waiting?.resolve(reply.result);
    },
    /** Rejects every open call and every later one. */
    fail(error: Error): void {
      failure = error;
      for (const { reject } of open.values()) reject(error);
      open.clear();
    },
  };
}

/** Runs a call of one of the functions of `target`; the reply has the result or the error. */
export async function answer(target: object, { id, method, args }: Call): Promise<Reply> {
  try {
    const run = (target as Record<string, (...args: unknown[]) => unknown>)[method];
    if (!run) throw new Error(`no such call: ${method}`);
    return { kind: 'reply', id, result: await run(...args) };
  } catch (error) {
    return { kind: 'reply', id, error: toPlain(error) };
  }
}
