/** What a route says of itself: who may use it, and what `/openapi.json` tells of it. */
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
  /** Of a request: its media type and shape. */
  body?: { type: string; schema: z.ZodType };
  /** What it answers, by status. */
  answers: Record<number, { description: string; type?: string; schema?: z.ZodType }>;
  refusals: readonly ProblemCode[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Absent for what everybody may use: pages, and what answers before any password is asked for. */
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

/** Validates parameters or a body. Throws the 400 that names each one that is wrong. */
export function validated<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  throw new ProblemError('invalid_parameter', `${detail}.`, { errors });
}
