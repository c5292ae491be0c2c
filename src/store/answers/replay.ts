/** The manifest of a session's replay, and the part of it that an incident needs. */
import type { StoredEvent } from '../../domain/event.js';
import { openCue } from '../../domain/replay-cue.js';
import { referenceBytesMax } from '../../questions/answer-json.js';
import { cueMax, manifestMax } from '../../questions/bounds.js';
import type { SyncAnswers } from '../../questions/index.js';
import type { ChunkRow } from '../../questions/replay.js';
import type { Chunk } from '../../replay/manifest.js';
import { compareUtf8 } from './merge.js';
import type { Bounds, Scope } from './scope.js';

const toRow = ({ seq, ts, sizeBytes, receivedAt }: Chunk): ChunkRow => ({
  seq,
  ...(ts === undefined ? {} : { ts }),
  size_bytes: sizeBytes,
  received_at: receivedAt,
});

function* rows({ checkTime }: Scope, chunks: Iterable<Chunk>): Generator<ChunkRow> {
  for (const chunk of chunks) {
    checkTime();
    yield toRow(chunk);
  }
}

/** The chunks that an incident's window needs; `bytes` are what they take in its answer at most. */
export function cueOf(scope: Scope, app: number, { session_id, app: name, ts }: StoredEvent, window: Bounds) {
  const each = referenceBytesMax(session_id, name);
  const max = cueMax(scope.bounds, each);
  const cue = openCue<ChunkRow>(window, { moment: ts, max });
  for (const row of rows(scope, scope.manifest.descending(app, session_id))) cue.add(row);
  const found = cue.chunks();
  return { ...found, bytes: found.chunks.length * each };
}

/** The apps in which a session has an event or a chunk, by name. */
export const appsOfSession = ({ log, sessions, manifest, appName }: Scope, session: string): string[] =>
  log
    .apps()
    .filter((app) => sessions.get(app, session) !== undefined || manifest.count(app, session) > 0)
    .map(appName)
    .sort(compareUtf8);

export function answerReplay(scope: Scope): Pick<SyncAnswers, 'replay'> {
  return {
    replay({ id, apps, cursor = 0 }) {
      // A single app need not be looked up.
      const found =
        apps?.length === 1 ? apps : appsOfSession(scope, id).filter((app) => apps?.includes(app) ?? true);
      const only = found.length === 1 ? scope.appNumbers(found)[0] : undefined;
      const chunks: ChunkRow[] = [];
      if (only === undefined) return { session: id, apps: found, chunks };
      const max = manifestMax(scope.bounds, referenceBytesMax(id, found[0] ?? ''));
      for (const row of rows(scope, scope.manifest.after(only, id, cursor))) {
        const last = chunks.at(-1);
        if (chunks.length === max && last) return { session: id, apps: found, chunks, next: last.seq };
        chunks.push(row);
      }
      return { session: id, apps: found, chunks };
    },
  };
}
