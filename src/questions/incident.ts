/** An incident: what a session did around an error or bug report, and the replay chunks that show it. */
import { z } from 'zod';
import type { StoredEvent } from '../domain/event.js';
import { ProblemError } from '../domain/problems.js';
import { eventJson, eventsJson } from './event-json.js';
import { integerFrom } from './parameters.js';
import { question } from './question.js';
import { type ChunkRow, referTo } from './replay.js';
import * as shapes from './shapes.js';

/** The incidents before and after one, by `(ts, id)`: in an error's group, or among an app's bug reports. */
export interface Neighbours {
  /** An error's group. */
  group?: string;
  /** Event ids. */
  previous?: number;
  next?: number;
}

export interface Incident {
  event: StoredEvent;
  /** Absent for an event that is neither an error nor a bug report. */
  around?: {
    /** The session's events within the window, ascending by `(ts, id)`, the incident among them. */
    breadcrumbs: StoredEvent[];
    /** The session's chunks that overlap the window, ascending by `seq`. */
    cue: ChunkRow[];
    neighbours: Neighbours;
  };
}

export const incident = question({
  path: '/v1/incidents/:event_id',
  summary: 'The slice of a session around an error or bug report',
  tag: 'Incidents',
  ask: z.object({ event_id: integerFrom(1, 'The id of an error or bug report.') }),
  answer: z.object({
    event: shapes.event,
    breadcrumbs: z
      .array(shapes.event)
      .describe('Every event of the window, ascending, the event itself among them.'),
    incident_ts: shapes.unixMs,
    session_id: z.string(),
    group: z.string().optional().describe("The error's group."),
    previous_id: shapes.eventId
      .optional()
      .describe('The incident before: of the group, or bug report of the app.'),
    next_id: shapes.eventId.optional().describe('The incident after.'),
    replay_cue: z
      .object({ chunks: z.array(shapes.chunkReference) })
      .optional()
      .describe('The replay chunks that overlap the window, where there are any.'),
  }),
  lane: 'heavy',
  refusals: ['not_an_incident', 'not_found'],
  render(found: Incident | undefined, context) {
    if (found === undefined) throw new ProblemError('not_found', 'There is no event with this id.');
    const { event, around } = found;
    if (around === undefined)
      throw new ProblemError('not_an_incident', `Event ${event.id} is neither an error nor a bug report.`);
    const { app, session_id } = event;
    const { breadcrumbs, neighbours } = around;
    const cue = referTo(around.cue, { app, session: session_id }, context);
    const facts = JSON.stringify({
      incident_ts: event.ts,
      session_id,
      group: neighbours.group,
      previous_id: neighbours.previous,
      next_id: neighbours.next,
      ...(cue.length === 0 ? {} : { replay_cue: { chunks: cue } }),
    });
    // Spliced as text, so that `props` stay as they were sent.
    return `{"event":${eventJson(event)},"breadcrumbs":${eventsJson(breadcrumbs)},${facts.slice(1)}`;
  },
});
