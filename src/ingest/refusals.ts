/** Refusals that say the same to everybody: one object each, which a message holds once. */
import { RETRY_AFTER_S } from '../domain/limits.js';
import type { Refusal } from '../domain/problems.js';

export const FULL: Refusal = {
  code: 'queue_full',
  detail: 'the write queue is full; try again',
  retryAfterS: RETRY_AFTER_S,
};

/** In place of `FULL` for bodies that show no right key, while many requests wait. */
export const KEY_NOT_SHOWN: Refusal = {
  code: 'key_not_shown',
  detail: 'Many requests wait: only those that show app and key at their start are taken. Try again.',
  retryAfterS: RETRY_AFTER_S,
};

export const WRONG_KEY: Refusal = { code: 'unauthorized_app', detail: 'No such app, or not its key.' };

/** Nobody reads this one. */
export const CLIENT_LEFT: Refusal = { code: 'client_left', detail: 'The client closed its connection.' };
