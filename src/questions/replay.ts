/** The manifest of a session's replay: its chunks in order. */
import { z } from 'zod';
import { APP_NAME_MAX, SESSION_ID_MAX } from '../domain/limits.js';
import { ProblemError } from '../domain/problems.js';
import { idText } from './parameters.js';
import { question, type RenderContext } from './question.js';
import { type ChunkReference, chunkReference } from './shapes.js';

/** Shared with the route of a chunk's bytes. */
export const sessionAsk = {
  id: idText(SESSION_ID_MAX, 'The session id, percent-encoded.'),
  app: idText(APP_NAME_MAX, 'Needed where several apps have a session of this id.').optional(),
};

export interface ChunkRow {
  seq: number;
  /** Time of the first recorded event, Unix ms, when the upload had it. */
  ts?: number;
  size_bytes: number;
  /** Unix ms. */
  received_at: number;
}

export interface Manifest {
  session: string;
  /** The apps asked for that have an event or a chunk of this session, by name. */
  apps: readonly string[];
  /** Ascending by `seq`; empty where several apps have the session. */
  chunks: ChunkRow[];
}

/** The app that has the session, if any. Throws a 409 where several have it. */
export function onlyApp(apps: readonly string[]): string | undefined {
  if (apps.length <= 1) return apps[0];
  throw new ProblemError('ambiguous_session', 'Several apps have a session of this id: name one with app=.');
}

export function referTo(
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

export const replay = question({
  path: '/v1/sessions/:id/replay',
  summary: "A session's replay chunks, in order",
  tag: 'Replay',
  ask: z.object(sessionAsk),
  answer: z.object({ session_id: z.string(), chunks: z.array(chunkReference) }),
  lane: 'light',
  refusals: ['not_found', 'ambiguous_session'],
  render({ session, apps, chunks }: Manifest, context) {
    const app = onlyApp(apps);
    if (app === undefined || chunks.length === 0)
      throw new ProblemError('not_found', 'There is no replay of this session.');
    return JSON.stringify({ session_id: session, chunks: referTo(chunks, { app, session }, context) });
  },
});
