/** A question. Its route, `/openapi.json`, access, thread calls and the typed client derive from it. */
import type { z } from 'zod';
import type { ProblemCode } from '../domain/problems.js';
import type { Given } from './given.js';

export interface AccessRule {
  /** The least role that a reader needs. */
  role: 'viewer' | 'operator';
  /** `app`: it can be answered for single apps, so their readers may use it. `all`: it cannot. */
  scope: 'app' | 'all';
}

export interface RenderContext {
  /** Several apps are configured, so paths must name theirs. */
  hasManyApps: boolean;
}

interface Definition<Path extends string, Ask extends z.ZodObject, Answer extends z.ZodType, Found> {
  /** `:name` is a parameter of `ask`; the other parameters are in the query. */
  path: Path;
  summary: string;
  description?: string;
  tag: 'Queries' | 'Replay' | 'Incidents';
  /** Validates the parameters. Its input type is what a client passes. */
  ask: Ask;
  /** Describes the answer; nothing validates it. */
  answer: Answer;
  /** `light` for look-ups and listings, `heavy` for passes over data. */
  lane: 'light' | 'heavy';
  /** In addition to `QUESTION_REFUSALS`. */
  refusals?: readonly ProblemCode[];
  /** Makes JSON of what an engine found; may throw `ProblemError`. Without it, that is the answer. */
  render?(found: Found, context: RenderContext): string;
}

export type Question<
  Path extends string = string,
  Ask extends z.ZodObject = z.ZodObject,
  Answer extends z.ZodType = z.ZodType,
  Found = z.output<Answer>,
> = Definition<Path, Ask, Answer, Found> & AccessRule;

/** Infers the types of a definition. An engine finds what `render` takes; without `render`, the answer. */
export function question<
  const Path extends string,
  Ask extends z.ZodObject,
  Answer extends z.ZodType,
  Found = z.output<Answer>,
>(definition: Definition<Path, Ask, Answer, Found>): Question<Path, Ask, Answer, Found> {
  // Every reader may ask every question: an engine is given the apps that the reader may see.
  return { ...definition, role: 'viewer', scope: 'app' };
}

/** What an engine gets: the given parameters, with the reader's apps in place of `app`. */
export type AskOf<Q> =
  Q extends Question<string, infer Ask, z.ZodType, never>
    ? Given<Omit<z.output<Ask>, 'app'>> & { apps?: readonly string[] }
    : never;

export type FoundOf<Q> = Q extends Question<string, z.ZodObject, z.ZodType, infer Found> ? Found : never;
