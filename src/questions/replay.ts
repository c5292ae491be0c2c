/** The manifest of a session's replay: its chunks in order. */
import { z } from 'zod';
import { APP_NAME_MAX, MANIFEST_CHUNKS_MAX, SESSION_ID_MAX } from '../domain/limits.js';
import { manifestJson } from './answer-json.js';
import { chunkCursor, idText } from './parameters.js';
import { question } from './question.js';
import { chunkReference } from './shapes.js';

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
  /** The `seq` to continue after; absent on the last page. */
  next?: number;
}

export const replay = question({
  path: '/v1/sessions/:id/replay',
  summary: "A session's replay chunks, in order",
  tag: 'Replay',
  description: `${MANIFEST_CHUNKS_MAX} chunks at most; next_cursor leads on.`,
  ask: z.object({ ...sessionAsk, cursor: chunkCursor }),
  answer: z.object({
    session_id: z.string(),
    chunks: z.array(chunkReference),
    next_cursor: z.string().optional().describe('There while there is more.'),
  }),
  lane: 'light',
  refusals: ['not_found', 'ambiguous_session'],
  render: manifestJson,
});
