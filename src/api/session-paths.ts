/** How sessions and their replay chunks are addressed: from a path to the app meant, and from a chunk to its path. */
import type { Config } from '../config/config.js';
import type { ChunkRow, Store } from '../store/port.js';
import { ProblemError } from './errors.js';

/** A chunk as manifests and cues list it. */
export interface ChunkReference {
  seq: number;
  /** Unix ms. */
  ts?: number;
  path: string;
}

/**
 * The app whose session of this id is meant: the one that was named, or the only one that has it. `undefined` when none
 * has. Throws the 409 when there are several to choose from.
 */
export async function appOfSession(
  store: Pick<Store, 'sessionApps'>,
  session: string,
  named: string | undefined,
): Promise<string | undefined> {
  if (named !== undefined) return named;
  const apps = await store.sessionApps(session);
  if (apps.length > 1) {
    throw new ProblemError(
      'ambiguous_session',
      'Several apps have a session of this id: name one with app=.',
    );
  }
  return apps[0];
}

/** Chunks as their session's reader is told of them; the app is named in paths as soon as several are configured. */
export function referTo(
  chunks: readonly Pick<ChunkRow, 'seq' | 'ts'>[],
  app: string,
  session: string,
  apps: Config['apps'],
): ChunkReference[] {
  const folder = `/v1/sessions/${encodeURIComponent(session)}/replay`;
  const query = Object.keys(apps).length > 1 ? `?app=${encodeURIComponent(app)}` : '';
  return chunks.map(({ seq, ts }) => ({
    seq,
    ...(ts === undefined ? {} : { ts }),
    path: `${folder}/${seq}${query}`,
  }));
}
