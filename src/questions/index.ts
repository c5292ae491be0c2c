/** Every question. To add one, define it in a file and name it here. */
import { activity } from './activity.js';
import { aggregates } from './aggregates.js';
import { errors } from './errors.js';
import { event } from './event.js';
import { events } from './events.js';
import { funnel } from './funnel.js';
import { incident } from './incident.js';
import { names } from './names.js';
import { occurrences } from './occurrences.js';
import type { AskOf, FoundOf } from './question.js';
import { replay } from './replay.js';
import { sessions } from './sessions.js';
import { users } from './users.js';

export const QUESTIONS = {
  events,
  event,
  users,
  sessions,
  funnel,
  aggregates,
  names,
  activity,
  errors,
  occurrences,
  incident,
  replay,
} as const;

export type Questions = typeof QUESTIONS;
export type QuestionName = keyof Questions;
/** What an engine gets. */
export type Ask<K extends QuestionName> = AskOf<Questions[K]>;
/** What an engine finds. */
export type Found<K extends QuestionName> = FoundOf<Questions[K]>;

/** The answers of an engine, one function a question. */
export type Answers = { [K in QuestionName]: (ask: Ask<K>) => Promise<Found<K>> };
export type SyncAnswers = { [K in QuestionName]: (ask: Ask<K>) => Found<K> };
