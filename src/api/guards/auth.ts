/** HTTP Basic auth, and a lock for addresses that guess passwords. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import {
  LOCKOUT_ADDRESSES_MAX,
  LOCKOUT_FAILURES,
  LOCKOUT_FREE_FAILURES,
  LOCKOUT_KNOWN_MS,
  LOCKOUT_LOOK_MS,
  LOCKOUT_MS,
  LOCKOUT_SLOW_MS,
  LOCKOUT_WINDOW_MS,
} from '../../domain/limits.js';
import { setNewest } from '../../domain/newest.js';
import type { Refusal } from '../../domain/problems.js';
import { sendProblem } from '../errors.js';
import { sendRefusalPage, wantsPage } from '../refusal-page.js';
import type { Access } from './access.js';
import { type ClientAddress, networkOf } from './client-address.js';

const CHALLENGE = 'Basic realm="spyglass", charset="UTF-8"';
const CREDENTIALS = /^basic +([A-Za-z0-9+/_-]+=*) *$/i;

const PASSWORD_REQUIRED: Refusal = {
  code: 'unauthorized',
  detail: 'Send the dashboard password with HTTP Basic auth, under any user name.',
};

/** Gives the request's access, or a refusal to send after `waitMs`. `now` is ms of any one clock. */
export type PasswordGate = (
  address: string,
  authorization: string | undefined,
  now: number,
) => { refusal: Refusal; waitMs?: number; access?: never } | { access: Access; refusal?: never };

interface Failures {
  /** Times of the latest wrong passwords, oldest first; at most `LOCKOUT_FAILURES`. */
  times: number[];
  /** Absent without a lock. */
  lockedUntil?: number;
  /** When a password was last looked at although there is a lock. */
  lookedAt?: number;
}

/**
 * A gate for the passwords that `opens` knows. An address is, one after the other:
 *
 * 1. unknown: requests with the right password, or with none, change nothing;
 * 2. failing: each wrong password within a minute counts, and from the fourth on each answer waits longer;
 * 3. locked, after ten of them: for 60 s its passwords are not compared, so a guess learns nothing. But one in 6 s is, under a
 *    user name that was let in from there within the last hour: whoever shares an address with a guesser is not kept out;
 * 4. unknown again.
 *
 * IPv6 addresses count by their /64. At most `LOCKOUT_ADDRESSES_MAX` addresses are remembered, and as many user names. A clock
 * that is set back ends locks.
 */
export function createPasswordGate(
  opens: (name: string, password: Buffer) => Access | undefined,
): PasswordGate {
  const failing = new Map<string, Failures>();

  const letIn = new Map<string, number>();

  const noteFailure = (address: string, now: number): number => {
    const entry = failing.get(address) ?? { times: [] };
    entry.times = entry.times.filter((time) => isWithin(now - time, LOCKOUT_WINDOW_MS));
    entry.times.push(now);
    const waitMs = LOCKOUT_SLOW_MS * Math.max(0, entry.times.length - LOCKOUT_FREE_FAILURES);
    if (entry.times.length >= LOCKOUT_FAILURES) {
      entry.times = [];
      entry.lockedUntil = now + LOCKOUT_MS;
      delete entry.lookedAt;
    }
    setNewest(failing, address, entry, LOCKOUT_ADDRESSES_MAX);
    return waitMs;
  };

  /** Whether a password is looked at, and that it was. */
  const isLookedAt = (entry: Failures, who: string, now: number): boolean => {
    if (!isWithin(now - (letIn.get(who) ?? Number.NEGATIVE_INFINITY), LOCKOUT_KNOWN_MS)) return false;
    if (entry.lookedAt !== undefined && isWithin(now - entry.lookedAt, LOCKOUT_LOOK_MS)) return false;
    entry.lookedAt = now;
    return true;
  };

  return (client, authorization, now) => {
    const address = networkOf(client);
    if (authorization === undefined || !/^basic(?: |$)/i.test(authorization))
      return { refusal: PASSWORD_REQUIRED };
    const entry = failing.get(address);
    const lockedMs = (entry?.lockedUntil ?? now) - now;
    const isLocked = lockedMs > 0 && lockedMs <= LOCKOUT_MS;
    const presented = credentialsOf(authorization);
    const who = presented && whoIs(address, presented.name);
    const isCompared = !isLocked || (entry && who !== undefined && isLookedAt(entry, who, now));
    const access = isCompared && presented ? opens(presented.name, presented.password) : undefined;
    if (access) {
      if (who !== undefined) setNewest(letIn, who, now, LOCKOUT_ADDRESSES_MAX);
      return { access };
    }
    if (!isLocked) return { refusal: PASSWORD_REQUIRED, waitMs: noteFailure(address, now) };
    const retryAfterS = Math.ceil(lockedMs / 1_000);
    const detail = `Too many wrong passwords from this address. Try again in ${retryAfterS} s.`;
    return { refusal: { code: 'locked_out', detail, retryAfterS } };
  };
}

const isWithin = (passedMs: number, ms: number): boolean => passedMs >= 0 && passedMs < ms;

/** A name may have kilobytes. */
const whoIs = (address: string, name: string): string =>
  createHash('sha256').update(`${address} ${name}`).digest('base64');

/** A fastify `onRequest` or `preHandler` hook. */
export type Guard = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/** Asks `gate` about each request. The wall clock may be set back; how long a lock lasts must not depend on it. */
export function requirePassword(gate: PasswordGate, addressOf: ClientAddress): Guard {
  return (request, reply, done) => {
    const answer = gate(addressOf(request), request.headers.authorization, performance.now());
    const { refusal, access } = answer;
    if (refusal === undefined) {
      request.access = access;
      done();
      return;
    }
    if (refusal.code === 'unauthorized') reply.header('www-authenticate', CHALLENGE);
    const send = () =>
      wantsPage(request, refusal) ? sendRefusalPage(reply, refusal) : sendProblem(reply, refusal);
    if (answer.waitMs) setTimeout(send, answer.waitMs).unref();
    else send();
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
