/** The queries: `/v1/query/*`, each one question to the store and its answer as JSON. */
import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from '../../domain/limits.js';
import type { Api, ApiContext } from '../context.js';
import { sendPage } from '../event-json.js';
import { given } from '../given.js';
import {
  activityAnswer,
  activityQuery,
  aggregatesAnswer,
  aggregatesQuery,
  eventsAnswer,
  eventsQuery,
  funnelAnswer,
  funnelQuery,
  namesAnswer,
  namesQuery,
  queryRefusals,
  sessionsAnswer,
  sessionsQuery,
  usersAnswer,
  usersQuery,
} from '../schemas.js';

/** Adds the queries, but for those of errors. */
export function queryRoutes(app: Api, { store }: ApiContext): void {
  app.get(
    '/v1/query/events',
    {
      schema: {
        summary: 'Events, newest first',
        description: `At most ${LIST_LIMIT_DEFAULT} unless told, ${LIST_LIMIT_MAX} at most; next_cursor leads on.`,
        tags: ['Queries'],
        querystring: eventsQuery,
        response: { 200: eventsAnswer, ...queryRefusals },
      },
    },
    async (request, reply) => {
      const { cursor, ...filter } = request.query;
      return sendPage(reply, await store.events(given({ ...filter, before: cursor })));
    },
  );
  app.get(
    '/v1/query/users',
    {
      schema: {
        summary: 'Active users, last seen first',
        tags: ['Queries'],
        querystring: usersQuery,
        response: { 200: usersAnswer, ...queryRefusals },
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
        response: { 200: sessionsAnswer, ...queryRefusals },
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
        response: { 200: funnelAnswer, ...queryRefusals },
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
        response: { 200: aggregatesAnswer, ...queryRefusals },
      },
    },
    async (request) => store.aggregates(given(request.query)),
  );
  app.get(
    '/v1/query/names',
    {
      schema: {
        summary: 'Names of events, most frequent first',
        tags: ['Queries'],
        querystring: namesQuery,
        response: { 200: namesAnswer, ...queryRefusals },
      },
    },
    async (request) => ({ names: await store.names(given(request.query)) }),
  );
  app.get(
    '/v1/query/activity',
    {
      schema: {
        summary: "A user's days",
        tags: ['Queries'],
        querystring: activityQuery,
        response: { 200: activityAnswer, ...queryRefusals },
      },
    },
    async (request) => ({ days: await store.activity(given(request.query)) }),
  );
}
