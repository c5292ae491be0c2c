/** `/openapi.json`: the routes as an OpenAPI 3.1 document, made of the schemas that also validate. */
import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from '../domain/problems.js';
import type { AccessRule } from '../questions/question.js';
import type { RouteDescription } from './route.js';

export interface DescribedRoute {
  method: string;
  /** As fastify has it: `/v1/events/:id`. */
  path: string;
  access?: AccessRule;
  describe: RouteDescription;
}

/** A JSON Schema; the named keywords are those that `/docs` shows. */
export interface JsonSchema {
  $ref?: string;
  type?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  default?: unknown;
  [keyword: string]: unknown;
}

/** By media type. */
type Content = Record<string, { schema: JsonSchema }>;

export interface Operation {
  summary: string;
  description?: string;
  tags: string[];
  parameters?: ReturnType<typeof parametersOf>;
  requestBody?: { required: true; description?: string; content: Content };
  responses: Record<string, { description: string; content?: Content }>;
  security?: object[];
}

export type OpenApi = ReturnType<typeof openApi>;

const TAGS: RouteDescription['tag'][] = ['Ingest', 'Queries', 'Replay', 'Incidents', 'Live', 'Operator'];
const DESCRIPTION =
  'Times are Unix milliseconds, days are UTC. A parameter given as an empty string counts as absent. Every error ' +
  'is a problem (RFC 9457).';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

/** The document of all routes. */
export function openApi(version: string, routes: readonly DescribedRoute[]) {
  const schemas: Record<string, JsonSchema> = {};
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'spyglass', version, description: DESCRIPTION },
    components: { securitySchemes: { password: { type: 'http', scheme: 'basic' } }, schemas },
    paths,
    security: [{ password: [] }],
    tags: TAGS.map((name) => ({ name })),
  };
}

function operation(
  { path, access, describe }: DescribedRoute,
  schemas: Record<string, JsonSchema>,
): Operation {
  const { summary, description, tag, ask, headers, body, answers, refusals } = describe;
  const toSchema: ToSchema = (schema, io) => jsonSchema(schema, io, schemas);
  const parameters = [
    ...parametersOf(ask, toSchema, (name) => (path.split('/').includes(`:${name}`) ? 'path' : 'query')),
    ...parametersOf(headers, toSchema, () => 'header'),
  ];
  const responses: Operation['responses'] = {};
  for (const [status, { description, type, schema }] of Object.entries(answers)) {
    const content = type && schema && { [type]: { schema: toSchema(schema, 'output') } };
    responses[status] = { description, ...(content && { content }) };
  }
  for (const [status, description] of titlesByStatus(refusals)) {
    const content = { 'application/problem+json': { schema: toSchema(problem, 'output') } };
    responses[status] = { description, content };
  }
  return {
    summary,
    tags: [tag],
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body && { requestBody: bodyOf(body, toSchema) }),
    ...(access === undefined ? { security: [] } : {}),
    responses,
  };
}

type ToSchema = (schema: z.ZodType, io: 'input' | 'output') => JsonSchema;

function bodyOf({ type, schema }: NonNullable<RouteDescription['body']>, toSchema: ToSchema) {
  const { description } = schema;
  const content = { [type]: { schema: toSchema(schema, 'input') } };
  return { required: true as const, ...(description === undefined ? {} : { description }), content };
}

function parametersOf(
  shape: z.ZodObject | undefined,
  toSchema: ToSchema,
  locationOf: (name: string) => string,
) {
  return Object.entries(shape?.shape ?? {}).map(([name, schema]) => {
    const { description, ...rest } = toSchema(schema as z.ZodType, 'input');
    const location = locationOf(name);
    const required = location === 'path' || !(schema as z.ZodType).safeParse(undefined).success;
    return {
      schema: rest,
      in: location,
      name,
      required,
      ...(description ? { description: `${description}` } : {}),
    };
  });
}

/** A schema as JSON Schema; one with an id goes to `schemas`, and a reference to it is returned. */
function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  schemas: Record<string, JsonSchema>,
): JsonSchema {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: constAsEnum });
  const text = JSON.stringify(made).replaceAll('#/$defs/', '#/components/schemas/');
  const {
    $schema: _,
    $defs = {},
    id,
    ...rest
  } = JSON.parse(text) as JsonSchema & { $defs?: object; id?: string };
  for (const [name, { id: _, ...shared }] of Object.entries($defs)) schemas[name] = shared;
  if (id === undefined) return rest;
  schemas[id] = rest;
  return { $ref: `#/components/schemas/${id}` };
}

/** OpenAPI has `enum` in every version, `const` since 3.1. */
function constAsEnum({ jsonSchema }: { jsonSchema: Pick<JsonSchema, 'const' | 'enum'> }): void {
  if (jsonSchema.const === undefined) return;
  jsonSchema.enum = [jsonSchema.const];
  delete jsonSchema.const;
}

function titlesByStatus(codes: readonly ProblemCode[]): Map<number, string> {
  const titles = new Map<number, string>();
  for (const code of codes) {
    const { status, title } = PROBLEMS[code];
    const before = titles.get(status);
    titles.set(status, before === undefined ? title : `${before}; ${title}`);
  }
  return titles;
}
