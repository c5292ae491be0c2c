/** The manifest of a session's replay. */
import type { SyncAnswers } from '../../questions/index.js';
import type { ChunkRow } from '../../questions/replay.js';
import { compareUtf8 } from './merge.js';
import type { Scope } from './scope.js';

/** A session's chunks, ascending by `seq`. */
export const chunkRows = ({ manifest }: Scope, app: number, session: string): ChunkRow[] =>
  manifest.list(app, session).map(({ seq, ts, sizeBytes, receivedAt }) => ({
    seq,
    ...(ts === undefined ? {} : { ts }),
    size_bytes: sizeBytes,
    received_at: receivedAt,
  }));

/** The apps in which a session has an event or a chunk, by name. */
export const appsOfSession = ({ log, sessions, manifest, appName }: Scope, session: string): string[] =>
  log
    .apps()
    .filter((app) => sessions.get(app, session) !== undefined || manifest.count(app, session) > 0)
    .map(appName)
    .sort(compareUtf8);

export function answerReplay(scope: Scope): Pick<SyncAnswers, 'replay'> {
  return {
    replay({ id, apps }) {
      // A single app need not be looked up.
      const found =
        apps?.length === 1 ? apps : appsOfSession(scope, id).filter((app) => apps?.includes(app) ?? true);
      const only = found.length === 1 ? scope.appNumbers(found)[0] : undefined;
      return { session: id, apps: found, chunks: only === undefined ? [] : chunkRows(scope, only, id) };
    },
  };
}
