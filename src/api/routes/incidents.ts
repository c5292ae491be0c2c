/** `/v1/incidents/:event_id`: what happened around an error or bug report, and the recording of it. */
import type { StoredEvent } from '../../domain/event.js';
import { INCIDENT_AFTER_MS, INCIDENT_BEFORE_MS, MAX_TS } from '../../domain/limits.js';
import { cueFor } from '../../domain/replay-cue.js';
import type { Api, ApiContext } from '../context.js';
import { ProblemError } from '../errors.js';
import { eventJson, eventsJson, sendJson } from '../event-json.js';
import { incidentAnswer, incidentPath, problems } from '../schemas.js';
import { referTo } from '../session-paths.js';

const INCIDENT_TYPES: readonly StoredEvent['type'][] = ['error', 'bug_report'];

/** Adds the route. */
export function incidentRoute(app: Api, { config, store }: ApiContext): void {
  app.get(
    '/v1/incidents/:event_id',
    {
      schema: {
        summary: 'The slice of a session around an error or bug report',
        tags: ['Incidents'],
        params: incidentPath,
        response: {
          200: incidentAnswer,
          ...problems(
            'invalid_parameter',
            'not_an_incident',
            'unauthorized',
            'forbidden',
            'not_found',
            'locked_out',
            'read_timeout',
            'view_not_ready',
          ),
        },
      },
    },
    async (request, reply) => {
      const event = await store.event(request.params.event_id);
      const { app: only } = request.access;
      // To an app's reader what other apps have does not exist.
      if (event === undefined || (only !== undefined && event.app !== only))
        throw new ProblemError('not_found', 'There is no event with this id.');
      if (!INCIDENT_TYPES.includes(event.type)) {
        throw new ProblemError('not_an_incident', `Event ${event.id} is neither an error nor a bug report.`);
      }
      const from = Math.max(event.ts - INCIDENT_BEFORE_MS, 0);
      const to = Math.min(event.ts + INCIDENT_AFTER_MS, MAX_TS);
      const [breadcrumbs, chunks, neighbours] = await Promise.all([
        store.sessionWindow(event.app, event.session_id, { from, to }),
        store.chunks(event.app, event.session_id),
        store.neighbours(event.id),
      ]);
      const cue = referTo(cueFor(chunks, from, to), event.app, event.session_id, config.apps);
      const facts = JSON.stringify({
        incident_ts: event.ts,
        session_id: event.session_id,
        group: neighbours?.group,
        previous_id: neighbours?.previous,
        next_id: neighbours?.next,
        ...(cue.length === 0 ? {} : { replay_cue: { chunks: cue } }),
      });
      // Events are JSON text with `props` as they were sent; the other members go in after them.
      return sendJson(
        reply,
        `{"event":${eventJson(event)},"breadcrumbs":${eventsJson(breadcrumbs)},${facts.slice(1)}`,
      );
    },
  );
}
