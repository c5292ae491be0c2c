/** The queries of errors: the groups they fall into, and the events of one group. */
import type { Api, ApiContext } from '../context.js';
import { sendPage } from '../event-json.js';
import { given } from '../given.js';
import {
  errorGroupsAnswer,
  errorGroupsQuery,
  eventsAnswer,
  occurrencesQuery,
  queryRefusals,
} from '../schemas.js';

/** Adds both. */
export function errorRoutes(app: Api, { store }: ApiContext): void {
  app.get(
    '/v1/query/errors',
    {
      schema: {
        summary: 'Errors by message and top stack frame, most frequent first',
        tags: ['Queries'],
        querystring: errorGroupsQuery,
        response: { 200: errorGroupsAnswer, ...queryRefusals },
      },
    },
    async (request) => ({ groups: await store.errorGroups(given(request.query)) }),
  );
  app.get(
    '/v1/query/occurrences',
    {
      schema: {
        summary: 'The events of an error group, newest first',
        tags: ['Queries'],
        querystring: occurrencesQuery,
        response: { 200: eventsAnswer, ...queryRefusals },
      },
    },
    async (request, reply) => {
      const { cursor, ...query } = request.query;
      const page = await store.occurrences(given({ ...query, before: cursor }));
      const { app: only } = request.access;
      // A group is one app's; to another app's reader there is no such group.
      const isTheirs = only === undefined || page.events.every((event) => event.app === only);
      return sendPage(reply, isTheirs ? page : { events: [], head: page.head });
    },
  );
}
