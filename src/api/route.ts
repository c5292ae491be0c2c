/** What a route declares: who may use it, and its part of `/openapi.json`. */
import type { z } from 'zod';
import { type ProblemCode, ProblemError } from '../domain/problems.js';
import type { AccessRule } from '../questions/question.js';

export interface RouteDescription {
  summary: string;
  description?: string;
  tag: 'Ingest' | 'Queries' | 'Replay' | 'Incidents' | 'Live' | 'Operator';
  /** Parameters of the path and the query. */
  ask?: z.ZodObject;
  headers?: z.ZodObject;
  body?: { type: string; schema: z.ZodType };
  /** By status. */
  answers: Record<number, { description: string; type?: string; schema?: z.ZodType }>;
  refusals: readonly ProblemCode[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Absent for pages and for routes that need no password. */
    access?: AccessRule;
    describe?: RouteDescription;
  }
}

/** A JSON answer. */
export const json = (schema: z.ZodType) => ({
  description: 'Default Response',
  type: 'application/json',
  schema,
});

/** Throws a 400 that names each invalid member. */
export function validated<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  throw new ProblemError('invalid_parameter', `${detail}.`, { errors });
}
