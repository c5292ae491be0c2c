/** HTTP Basic auth, and a lock for addresses that guess passwords. */
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
import { type ClientAddress, networkOf } from './client-address.js';

const CHALLENGE = 'Basic realm="spyglass", charset="UTF-8"';
const CREDENTIALS = /^basic +([A-Za-z0-9+/_-]+=*) *$/i;

const PASSWORD_REQUIRED: Refusal = {
  code: 'unauthorized',
  detail: 'Send the dashboard password with HTTP Basic auth, under any user name.',
};

/** Gives the request's access, or a refusal to send after `waitMs`. `now` is Unix ms. */
export type PasswordGate = (
  address: string,
  authorization: string | undefined,
  now: number,
) => { refusal: Refusal; waitMs?: number; access?: never } | { access: Access; refusal?: never };

interface Failures {
  /** Times of the latest wrong passwords, oldest first; at most `LOCKOUT_FAILURES`. Unix ms. */
  times: number[];
  /** Unix ms; 0 without a lock. */
  lockedUntil: number;
}

/**
 * A gate for the passwords that `opens` knows. An address is, one after the other:
 *
 * 1. unknown: requests with the right password, or with none, change nothing;
 * 2. failing: each wrong password within a minute counts, and from the fourth on each answer waits longer;
 * 3. locked, after ten of them: for 60 s its passwords are not compared, so a guess learns nothing;
 * 4. unknown again.
 *
 * IPv6 addresses count by their /64. At most `LOCKOUT_ADDRESSES_MAX` addresses are remembered.
 */
export function createPasswordGate(
  opens: (name: string, password: Buffer) => Access | undefined,
): PasswordGate {
  const failing = new Map<string, Failures>();

  const noteFailure = (address: string, now: number): number => {
    const entry = failing.get(address) ?? { times: [], lockedUntil: 0 };
    entry.times = entry.times.filter((time) => now - time < LOCKOUT_WINDOW_MS);
    entry.times.push(now);
    const waitMs = LOCKOUT_SLOW_MS * Math.max(0, entry.times.length - LOCKOUT_FREE_FAILURES);
    if (entry.times.length >= LOCKOUT_FAILURES) {
      entry.times = [];
      entry.lockedUntil = now + LOCKOUT_MS;
    }
    // Deleted first, so that the map is ordered by last failures.
    failing.delete(address);
    failing.set(address, entry);
    const [oldest] = failing.keys();
    if (failing.size > LOCKOUT_ADDRESSES_MAX && oldest !== undefined) failing.delete(oldest);
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

/** Asks `gate` about each request; `now` gives Unix ms. */
export function requirePassword(gate: PasswordGate, addressOf: ClientAddress, now: () => number): Guard {
  return (request, reply, done) => {
    const answer = gate(addressOf(request), request.headers.authorization, now());
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

/** Parses a Basic `Authorization` header, the password as bytes; `undefined` for a malformed one. */
export function credentialsOf(authorization: string): { name: string; password: Buffer } | undefined {
  const encoded = CREDENTIALS.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64');
  const colon = pair.indexOf(':');
  if (colon === -1) return undefined;
  return { name: pair.toString('utf8', 0, colon), password: pair.subarray(colon + 1) };
}
