/**
 * What a question is: where it is asked, with what, what it answers, and who may ask. Its route, its description, the rule of access,
 * the reader it runs on, the calls between threads and the typed client all derive from this.
 */
import type { z } from 'zod';
import type { ProblemCode } from '../domain/problems.js';
import type { Given } from './given.js';

/** Who may use a route. */
export interface AccessRule {
  /** The least that a reader must be. */
  role: 'viewer' | 'operator';
  /** `app`: it can be answered for some apps alone, so whoever is kept to these may use it. `all`: it cannot. */
  scope: 'app' | 'all';
}

/** What the words of an answer depend on besides what was found. */
export interface RenderContext {
  /** Several apps are configured: paths then name theirs. */
  hasManyApps: boolean;
}

export interface Question<
  Path extends string = string,
  Ask extends z.ZodObject = z.ZodObject,
  Answer extends z.ZodType = z.ZodType,
  Found = z.output<Answer>,
> extends AccessRule {
  /** `:name` in it is a parameter of `ask`; the others are of the query. */
  path: Path;
  summary: string;
  description?: string;
  tag: 'Queries' | 'Replay' | 'Incidents';
  /** Validates what is asked. The input is what a client passes. */
  ask: Ask;
  /** Describes what is answered; it is not run on the way out. */
  answer: Answer;
  /** The reader it runs on: `light` for look-ups and listings, `heavy` for what reads a lot. */
  lane: 'light' | 'heavy';
  /** How it may be refused, besides the ways common to all. */
  refusals?: readonly ProblemCode[];
  /** Makes JSON text of what an engine found; may throw `ProblemError`. Without it, what was found is the answer. */
  render?(found: Found, context: RenderContext): string;
}

/** Defines a question. What an engine finds is what `render` takes; without it, the answer itself. */
export function question<
  const Path extends string,
  Ask extends z.ZodObject,
  Answer extends z.ZodType,
  Found = z.output<Answer>,
>(definition: Question<Path, Ask, Answer, Found>): Question<Path, Ask, Answer, Found> {
  return definition;
}

/** What an engine is asked with: the parameters that were given; the reader's apps in place of `app`. */
export type AskOf<Q> =
  Q extends Question<string, infer Ask, z.ZodType, never>
    ? Given<Omit<z.output<Ask>, 'app'>> & { apps?: readonly string[] }
    : never;

/** What an engine finds. */
export type FoundOf<Q> = Q extends Question<string, z.ZodObject, z.ZodType, infer Found> ? Found : never;
