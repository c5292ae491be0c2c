/**
 * Paces the answers to senders that are refused. An address that is refused more often than `perSecond` gets its answers
 * later, and its connections are not read meanwhile: a flood without keys is held back by TCP, and costs a small share of
 * the thread. A sender that is let in at the same address is not slowed, on a connection of its own.
 */
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import {
  PACED_ADDRESSES_MAX,
  PACED_MAX,
  REFUSAL_WAIT_MS_MAX,
  REFUSALS_AT_ONCE,
  REFUSALS_PER_SECOND,
} from '../../domain/limits.js';
import { setNewest } from '../../domain/newest.js';
import { PROBLEMS, type ProblemCode, type Refusal } from '../../domain/problems.js';
import { sendProblem } from '../errors.js';
import { type ClientAddress, networkOf } from './client-address.js';

/** What is refused before it is known that the sender has a key, or without looking. */
const PACED: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'unauthorized_app',
  'invalid_json',
  'invalid_envelope',
  'bad_request',
  'unsupported_encoding',
  'body_too_large',
  'key_not_shown',
]);

export interface PaceOptions {
  perSecond?: number;
  /** Refusals that an address may have at once before it is slowed. */
  atOnce?: number;
  /** Answers that wait, of all addresses; beyond it connections are cut. */
  max?: number;
  /** How long an answer waits at most. */
  waitMsMax?: number;
  /** Ms, monotonic. */
  now?: () => number;
}

export type Pace = ReturnType<typeof createPace>;

export function createPace({
  perSecond = REFUSALS_PER_SECOND,
  atOnce = REFUSALS_AT_ONCE,
  max = PACED_MAX,
  waitMsMax = REFUSAL_WAIT_MS_MAX,
  now = () => performance.now(),
}: PaceOptions = {}) {
  const everyMs = 1_000 / perSecond;
  /** By address: when its next refusal would be due at an even pace. The one refused longest ago comes first. */
  const dueAt = new Map<string, number>();
  const waiting = new Set<() => void>();
  const waitingOf = new WeakMap<Socket, number>();
  let isClosing = false;

  const delayMs = (address: string): number => {
    const at = now();
    const due = Math.min(Math.max(dueAt.get(address) ?? 0, at) + everyMs, at + atOnce * everyMs + waitMsMax);
    setNewest(dueAt, address, due, PACED_ADDRESSES_MAX);
    return due - at - atOnce * everyMs;
  };
  const wait = (socket: Socket, ms: number, answer: () => void): void => {
    const go = (): void => {
      clearTimeout(timer);
      waiting.delete(go);
      answer();
      const others = (waitingOf.get(socket) ?? 1) - 1;
      waitingOf.set(socket, others);
      if (others === 0) socket.resume();
    };
    const timer = setTimeout(go, ms);
    waiting.add(go);
    waitingOf.set(socket, (waitingOf.get(socket) ?? 0) + 1);
    socket.pause();
  };

  return {
    /** Answers a refused request of the address: at once, or when it is its turn. */
    refuse(address: string, socket: Socket, answer: () => void): void {
      const ms = delayMs(address);
      if (ms <= 0 || isClosing) answer();
      else if (waiting.size < max) wait(socket, ms, answer);
      else socket.destroy();
    },
    waiting: () => waiting.size,
    /** Answers whoever waits, and from here on everybody at once. */
    close(): void {
      isClosing = true;
      for (const go of waiting) go();
    },
  };
}

export type Refuse = (reply: FastifyReply, refusal: Refusal) => void;

/** Sends refusals of the ingest routes, at the pace of their address. */
export const refuseAtPace =
  (pace: Pace, addressOf: ClientAddress): Refuse =>
  (reply, refusal) => {
    if (!PACED.has(refusal.code)) {
      sendProblem(reply, refusal);
      return;
    }
    // Who counts the answer does so now, and its body is not kept while it waits.
    reply.request.body = undefined;
    reply.code(PROBLEMS[refusal.code].status);
    const { socket } = reply.request.raw;
    pace.refuse(networkOf(addressOf(reply.request)), socket, () => sendProblem(reply, refusal));
  };
