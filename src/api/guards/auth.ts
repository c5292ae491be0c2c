/** The dashboard password: HTTP Basic auth, and a lock for addresses that guess. */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import {
  LOCKOUT_ADDRESSES_MAX,
  LOCKOUT_FAILURES,
  LOCKOUT_FREE_FAILURES,
  LOCKOUT_MS,
  LOCKOUT_SLOW_MS,
  LOCKOUT_WINDOW_MS,
} from '../../domain/limits.js';
import type { Refusal } from '../../domain/problems.js';
import { sendProblem } from '../errors.js';
import type { Access } from './access.js';
import { clientAddress, networkOf } from './client-address.js';

const CHALLENGE = 'Basic realm="spyglass", charset="UTF-8"';
const CREDENTIALS = /^basic +([A-Za-z0-9+/_-]+=*) *$/i;

const PASSWORD_REQUIRED: Refusal = {
  code: 'unauthorized',
  detail: 'Send the dashboard password with HTTP Basic auth, under any user name.',
};

/** Says why a request may not pass, and after how long to say so; or as whom it does. `now` is Unix ms. */
export type PasswordGate = (
  address: string,
  authorization: string | undefined,
  now: number,
) => { refusal: Refusal; waitMs?: number; access?: never } | { access: Access; refusal?: never };

interface Failures {
  /** Times of the latest wrong passwords, oldest first; at most `LOCKOUT_FAILURES`. Unix ms. */
  times: number[];
  /** Unix ms; 0 when there is no lock. */
  lockedUntil: number;
}

/**
 * A gate for whatever passwords `opens` knows. An address's life in it:
 *
 * 1. unknown: any number of requests without credentials, or with the right ones, leaves no trace;
 * 2. failing: each wrong password is noted, and from the fourth on its answer waits, each longer than the last; those a minute
 *    old no longer count;
 * 3. locked, with the tenth within a minute: for 60 s its credentials are not looked at, so a guess learns nothing;
 * 4. unknown again once the lock has run out.
 *
 * An address of IPv6 counts as its /64, which is one client's. At most `LOCKOUT_ADDRESSES_MAX` addresses are remembered; the one whose last failure is oldest is forgotten first.
 */
export function createPasswordGate(
  opens: (name: string, password: Buffer) => Access | undefined,
): PasswordGate {
  const failing = new Map<string, Failures>();

  /** Returns how long the answer waits. */
  const noteFailure = (address: string, now: number): number => {
    const entry = failing.get(address) ?? { times: [], lockedUntil: 0 };
    entry.times = entry.times.filter((time) => now - time < LOCKOUT_WINDOW_MS);
    entry.times.push(now);
    const waitMs = LOCKOUT_SLOW_MS * Math.max(0, entry.times.length - LOCKOUT_FREE_FAILURES);
    if (entry.times.length >= LOCKOUT_FAILURES) {
      entry.times = [];
      entry.lockedUntil = now + LOCKOUT_MS;
    }
    // Deleted first, so that the map's order is that of the last failures.
    failing.delete(address);
    failing.set(address, entry);
    if (failing.size > LOCKOUT_ADDRESSES_MAX) {
      for (const oldest of failing.keys()) {
        failing.delete(oldest);
        break;
      }
    }
    return waitMs;
  };

  return (client, authorization, now) => {
    const address = networkOf(client);
    if (authorization === undefined || !/^basic(?: |$)/i.test(authorization))
      return { refusal: PASSWORD_REQUIRED };
    const lockedMs = (failing.get(address)?.lockedUntil ?? 0) - now;
    if (lockedMs > 0) {
      const retryAfterS = Math.ceil(Math.min(lockedMs, LOCKOUT_MS) / 1_000);
      const detail = `Too many wrong passwords from this address. Try again in ${retryAfterS} s.`;
      return { refusal: { code: 'locked_out', detail, retryAfterS } };
    }
    const presented = credentialsOf(authorization);
    const access = presented && opens(presented.name, presented.password);
    if (access) return { access };
    return { refusal: PASSWORD_REQUIRED, waitMs: noteFailure(address, now) };
  };
}

/** A fastify `onRequest` or `preHandler` hook. */
export type Guard = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/** Makes a hook of a gate; `now` gives Unix ms. */
export function requirePassword(gate: PasswordGate, now: () => number): Guard {
  return (request, reply, done) => {
    const answer = gate(clientAddress(request), request.headers.authorization, now());
    const { refusal, access } = answer;
    if (refusal === undefined) {
      request.access = access;
      done();
      return;
    }
    if (refusal.code === 'unauthorized') reply.header('www-authenticate', CHALLENGE);
    if (answer.waitMs) setTimeout(() => sendProblem(reply, refusal), answer.waitMs).unref();
    else sendProblem(reply, refusal);
  };
}

/** What a Basic `Authorization` header says, the password as the bytes it came in; `undefined` for a malformed one. */
function credentialsOf(authorization: string): { name: string; password: Buffer } | undefined {
  const encoded = CREDENTIALS.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64');
  const colon = pair.indexOf(':');
  if (colon === -1) return undefined;
  return { name: pair.toString('utf8', 0, colon), password: pair.subarray(colon + 1) };
}
