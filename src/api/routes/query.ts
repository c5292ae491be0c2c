/** The queries: `/v1/query/*`, each one question to the store and its answer as JSON. */
import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from '../../limits.js';
import type { Api, ApiContext } from '../context.js';
import { cursorOf } from '../cursor.js';
import { eventsJson, sendJson } from '../event-json.js';
import { given } from '../given.js';
import {
  aggregatesAnswer,
  aggregatesQuery,
  eventsAnswer,
  eventsQuery,
  funnelAnswer,
  funnelQuery,
  problems,
  sessionsAnswer,
  sessionsQuery,
  usersAnswer,
  usersQuery,
} from '../schemas.js';

const refusals = problems('invalid_parameter', 'unauthorized', 'forbidden', 'locked_out', 'read_timeout');

/** Adds the five queries. */
export function queryRoutes(app: Api, { store }: ApiContext): void {
  app.get(
    '/v1/query/events',
    {
      schema: {
        summary: 'Events, newest first',
        description: `At most ${LIST_LIMIT_DEFAULT} unless told, ${LIST_LIMIT_MAX} at most; next_cursor leads on.`,
        tags: ['Queries'],
        querystring: eventsQuery,
        response: { 200: eventsAnswer, ...refusals },
      },
    },
    async (request, reply) => {
      const { cursor, ...filter } = request.query;
      const page = await store.events(given({ ...filter, before: cursor }));
      const next = page.next === undefined ? '' : `,"next_cursor":"${cursorOf(page.next)}"`;
      return sendJson(reply, `{"events":${eventsJson(page.events)}${next},"head":${page.head}}`);
    },
  );
  app.get(
    '/v1/query/users',
    {
      schema: {
        summary: 'Active users, last seen first',
        tags: ['Queries'],
        querystring: usersQuery,
        response: { 200: usersAnswer, ...refusals },
      },
    },
    async (request) => ({ users: await store.users(given(request.query)) }),
  );
  app.get(
    '/v1/query/sessions',
    {
      schema: {
        summary: 'Sessions, last seen first',
        tags: ['Queries'],
        querystring: sessionsQuery,
        response: { 200: sessionsAnswer, ...refusals },
      },
    },
    async (request) => ({ sessions: await store.sessions(given(request.query)) }),
  );
  app.get(
    '/v1/query/funnel',
    {
      schema: {
        summary: 'How many users reached each step, in order',
        tags: ['Queries'],
        querystring: funnelQuery,
        response: { 200: funnelAnswer, ...refusals },
      },
    },
    async (request) => ({ steps: await store.funnel(given(request.query)) }),
  );
  app.get(
    '/v1/query/aggregates',
    {
      schema: {
        summary: 'Daily users, top events, top pages, errors by day',
        tags: ['Queries'],
        querystring: aggregatesQuery,
        response: { 200: aggregatesAnswer, ...refusals },
      },
    },
    async (request) => store.aggregates(given(request.query)),
  );
}
