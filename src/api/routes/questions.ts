/** The routes of all questions, from their definitions. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ProblemCode } from '../../domain/problems.js';
import { given } from '../../questions/given.js';
import { type Ask, type Found, QUESTIONS, type QuestionName } from '../../questions/index.js';
import type { Question } from '../../questions/question.js';
import type { ApiContext } from '../context.js';
import { appsFor } from '../guards/access.js';
import { readFor } from '../read-for.js';
import { json, validated } from '../route.js';

/** Any question may be refused with these. */
export const QUESTION_REFUSALS: readonly ProblemCode[] = [
  'invalid_parameter',
  'unauthorized',
  'forbidden',
  'locked_out',
  'reads_full',
  'reader_died',
  'read_timeout',
  'view_not_ready',
];

type Definition<K extends QuestionName> = Question<string, z.ZodObject, z.ZodType, Found<K>>;
const DEFINITIONS: { [K in QuestionName]: Definition<K> } = QUESTIONS;

export function questionRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const kind of Object.keys(QUESTIONS) as QuestionName[]) addQuestion(app, context, kind);
}

function addQuestion<K extends QuestionName>(
  app: FastifyInstance,
  { store, config, clientAddress }: ApiContext,
  kind: K,
): void {
  const definition: Definition<K> = DEFINITIONS[kind];
  const { path, ask, refusals = [], role, scope, render: _, ...about } = definition;
  const read = askReader(path, ask);
  const describe = {
    ...about,
    ask,
    answers: { 200: json(about.answer) },
    refusals: [...QUESTION_REFUSALS, ...refusals],
  };
  app.get(path, { config: { access: { role, scope }, describe } }, async (request, reply) => {
    const hasManyApps = Object.keys(config.apps).length > 1;
    const whom = readFor(request, reply, clientAddress);
    const bytes = await store.answer(kind, read(request) as Ask<K>, { hasManyApps }, whom);
    reply.header('content-type', 'application/json; charset=utf-8');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  });
}

/** Validates the path's parameters, then the query's, and adds the apps that the reader may see. */
function askReader(path: string, ask: z.ZodObject): (request: FastifyRequest) => Record<string, unknown> {
  const mask: Record<string, true> & Record<number, never> = {};
  for (const name of path.match(/(?<=:)\w+/g) ?? []) mask[name] = true;
  const [pathAsk, queryAsk] = [ask.pick(mask), ask.omit(mask)];
  return ({ params, query, access }) => {
    const { app, ...asked } = { ...validated(pathAsk, params), ...validated(queryAsk, query) };
    const apps = appsFor(access, app as string | undefined);
    return { ...given(asked), ...(apps && { apps }) };
  };
}
