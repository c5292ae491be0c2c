/** An incident: what a session did around an error or bug report, and the replay chunks that show it. */
import { z } from 'zod';
import type { StoredEvent } from '../domain/event.js';
import { incidentJson } from './answer-json.js';
import { integerFrom } from './parameters.js';
import { question } from './question.js';
import type { ChunkRow } from './replay.js';
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
    /** Only the breadcrumbs, or chunks, nearest to the incident are among these. */
    truncated?: true;
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
      .describe('The events of the window, ascending, the event itself among them.'),
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
    truncated: shapes.truncated.describe('Only what is nearest to the incident is here.'),
  }),
  lane: 'light',
  refusals: ['not_an_incident', 'not_found'],
  render: incidentJson,
});
