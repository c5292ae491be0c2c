/** The JSON of answers. It knows no schemas: the threads that answer use it too. */

import type { StoredEvent } from '../domain/event.js';
import { ANSWER_BYTES_MAX } from '../domain/limits.js';
import { ProblemError } from '../domain/problems.js';
import { seqCursorOf } from './cursor.js';
import { eventJson, eventsJson, pageJson } from './event-json.js';
import type { Incident } from './incident.js';
import type { Found, QuestionName } from './index.js';
import type { RenderContext } from './question.js';
import type { ChunkRow, Manifest } from './replay.js';
import type { ChunkReference } from './shapes.js';

type Render<K extends QuestionName> = (found: Found<K>, context: RenderContext) => string;

/** The questions whose JSON is made of what an engine found; of the others that is the answer. */
const RENDER: { [K in QuestionName]?: Render<K> } = {
  events: pageJson,
  occurrences: pageJson,
  event: foundEventJson,
  incident: incidentJson,
  replay: manifestJson,
};

/** The answer in UTF-8. Throws `ProblemError` where the question is refused. */
export function answerJson<K extends QuestionName>(
  kind: K,
  found: Found<K>,
  context: RenderContext,
): Uint8Array<ArrayBuffer> {
  const render: Render<K> | undefined = RENDER[kind];
  const bytes = new TextEncoder().encode(render?.(found, context) ?? JSON.stringify(found));
  // Engines keep to the bound; this shows an answer that one forgot.
  if (bytes.length > ANSWER_BYTES_MAX) throw new RangeError(`${kind}: an answer of ${bytes.length} bytes`);
  return bytes;
}

export function foundEventJson(found: StoredEvent | undefined): string {
  if (found === undefined) throw new ProblemError('not_found', 'There is no event with this id.');
  return eventJson(found);
}

export function incidentJson(found: Incident | undefined, context: RenderContext): string {
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
    truncated: around.truncated,
  });
  // Spliced as text, so that `props` stay as they were sent.
  return `{"event":${eventJson(event)},"breadcrumbs":${eventsJson(breadcrumbs)},${facts.slice(1)}`;
}

export function manifestJson({ session, apps, chunks, next }: Manifest, context: RenderContext): string {
  const app = onlyApp(apps);
  if (app === undefined || chunks.length === 0)
    throw new ProblemError('not_found', 'There is no replay of this session.');
  return JSON.stringify({
    session_id: session,
    chunks: referTo(chunks, { app, session }, context),
    next_cursor: next === undefined ? undefined : seqCursorOf(next),
  });
}

/** The app that has the session, if any. Throws a 409 where several have it. */
export function onlyApp(apps: readonly string[]): string | undefined {
  if (apps.length <= 1) return apps[0];
  throw new ProblemError('ambiguous_session', 'Several apps have a session of this id: name one with app=.');
}

function referTo(
  chunks: readonly Pick<ChunkRow, 'seq' | 'ts'>[],
  { app, session }: { app: string; session: string },
  { hasManyApps }: RenderContext,
): ChunkReference[] {
  const folder = `/v1/sessions/${encodeURIComponent(session)}/replay`;
  const query = hasManyApps ? `?app=${encodeURIComponent(app)}` : '';
  return chunks.map(({ seq, ts }) => ({
    seq,
    ...(ts === undefined ? {} : { ts }),
    path: `${folder}/${seq}${query}`,
  }));
}

/** At most so many bytes is each reference to a chunk of the session. */
export const referenceBytesMax = (session: string, app: string): number =>
  // `{"seq":…,"ts":…,"path":"/v1/sessions/…/replay/…?app=…"},`
  96 + encodeURIComponent(session).length + encodeURIComponent(app).length;
