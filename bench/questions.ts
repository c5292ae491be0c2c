/** The questions for every engine, and a common form of their answers, so that hashes can be compared. */
import { createHash } from 'node:crypto';
import { DAY_MS } from '../src/domain/limits.js';
import { APP, END } from './data.js';

export interface Range {
  app?: string;
  from?: number;
  to?: number;
}

export type Ask =
  | ({ kind: 'funnel'; steps: readonly string[] } & Range)
  | ({ kind: 'aggregates' } & Range)
  | { kind: 'newest'; user?: string; type?: string }
  | { kind: 'incident'; app: string; session: string; id: number; from: number; to: number }
  | { kind: 'users' }
  | { kind: 'sessions' };

export interface Question {
  name: string;
  ask: Ask;
  /** Goals: times faster than the best peer, and the greatest time, ms. */
  times?: number;
  belowMs?: number;
}

/** Rows of plain values, the same for every engine. */
export type Answer = unknown[];

/** Seven days that begin and end off midnight. */
const WEEK = { from: END - 20.3 * DAY_MS, to: END - 13.3 * DAY_MS };
const STEPS = ['action_1', 'action_2', 'action_3'];
export const LIST_LIMIT = 100;
export const TOP_LIMIT = 10;

export function questions(incident: Extract<Ask, { kind: 'incident' }>): Question[] {
  return [
    { name: 'funnel of 3, all events', ask: { kind: 'funnel', steps: STEPS }, times: 4 },
    {
      name: 'funnel of 3, one app, 7 days off midnight',
      ask: { kind: 'funnel', steps: STEPS, app: APP, ...WEEK },
      times: 4,
    },
    { name: 'aggregates, all time', ask: { kind: 'aggregates' }, times: 15, belowMs: 5 },
    {
      name: 'aggregates, 7 days off midnight',
      ask: { kind: 'aggregates', ...WEEK },
      times: 15,
      belowMs: 5,
    },
    { name: 'newest 100 of all', ask: { kind: 'newest' }, belowMs: 1 },
    { name: 'newest 100 of a user', ask: { kind: 'newest', user: 'user-7@example.com' }, belowMs: 1 },
    { name: 'newest 100 errors', ask: { kind: 'newest', type: 'error' }, belowMs: 1 },
    { name: 'incident', ask: incident, belowMs: 1 },
    { name: 'users', ask: { kind: 'users' }, belowMs: 1 },
    { name: 'sessions', ask: { kind: 'sessions' }, belowMs: 1 },
  ];
}

export const hashOf = (answer: Answer): string =>
  createHash('sha256')
    .update(JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? Number(value) : value)))
    .digest('hex')
    .slice(0, 12);
