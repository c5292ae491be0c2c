/** Makes fastify take zod schemas for its routes, in place of the compilers it brings along. */
import type { FastifyInstance } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Api } from './context.js';

/** The `schemaController` option that goes with `withZod`: fastify then never loads ajv, a third of its start. */
export const NO_COMPILERS = {
  compilersFactory: { buildValidator: neverCalled, buildSerializer: neverCalled },
};

function neverCalled(): never {
  throw new Error('withZod has set the compilers');
}

/**
 * zod validates what comes in. What goes out is typed, so the schemas of answers describe them and need not be run on each.
 */
export function withZod(app: FastifyInstance): Api {
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => JSON.stringify);
  return app.withTypeProvider<ZodTypeProvider>();
}
