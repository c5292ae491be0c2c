/** How the engine answers each question. */
import { isIncident, type StoredEvent } from '../domain/event.js';
import { CHUNK_SEQ_MAX, INCIDENT_AFTER_MS, INCIDENT_BEFORE_MS, MAX_TS } from '../domain/limits.js';
import { openCue } from '../domain/replay-cue.js';
import { dayOf } from '../domain/utc.js';
import { referenceBytesMax } from '../questions/answer-json.js';
import { ANSWER_BOUNDS, cueMax, eventBytes, FRAME_BYTES, manifestMax } from '../questions/bounds.js';
import type { Answers } from '../questions/index.js';
import type { ChunkRow } from '../questions/replay.js';
import type { TimeRange } from '../store/port.js';
import { activityOf, aggregate, listNames } from './aggregates.js';
import type { Arrivals } from './arrivals.js';
import type { Chunks } from './chunks.js';
import type { Engine } from './connect.js';
import { listGroups, neighboursOf } from './errors.js';
import { countFunnel } from './funnel.js';
import { listAround, listNewest } from './listing.js';
import { listSessions, listUsers } from './people.js';
import type { Times } from './sql.js';

/** Chunks read at once. */
const CUE_PAGE = 20_000;

interface Parts {
  engine: Engine;
  arrivals: Arrivals;
  chunks: Chunks;
  fence: () => number;
}

/** The apps in which a session has an event or a chunk, sorted by name. */
export async function appsOfSession({ engine, fence }: Parts, session: string): Promise<string[]> {
  const rows = await engine.query<{ app: string }>(
    `SELECT DISTINCT app FROM (
       SELECT app FROM sessions WHERE session_id = {session:String} AND day >= {day:UInt32}
       UNION ALL SELECT app FROM chunks WHERE session_id = {session:String}
     ) ORDER BY app`,
    { session, day: dayOf(fence()) },
  );
  return rows.map(({ app }) => app);
}

/** Those of the session's apps that were asked for, where some were. */
async function appsAmong(parts: Parts, session: string, asked: readonly string[] | undefined) {
  // One app that was asked for is the answer even where it does not have the session.
  if (asked?.length === 1) return asked;
  return (await appsOfSession(parts, session)).filter((app) => asked?.includes(app) ?? true);
}

export function openAnswers(parts: Parts): Answers {
  const { engine, arrivals, chunks, fence } = parts;
  /** The range with its defaults, and not below the fence. */
  const clamp = ({ from = 0, to = MAX_TS }: TimeRange): Times => ({
    from: Math.max(from, fence()),
    to: Math.min(to, MAX_TS),
  });
  const find = async (id: number, apps: readonly string[] | undefined): Promise<StoredEvent | undefined> => {
    const event = await arrivals.event(id);
    return event && (apps === undefined || apps.includes(event.app)) ? event : undefined;
  };
  return {
    async events(ask) {
      const head = await arrivals.head();
      return { ...(await listNewest(engine, ask, clamp(ask), ask)), head };
    },
    event: ({ id, apps }) => find(id, apps),
    users: async (ask) => ({ users: await listUsers(engine, ask, clamp({})) }),
    sessions: async (ask) => ({ sessions: await listSessions(engine, ask, clamp({})) }),
    funnel: (ask) => countFunnel(engine, ask, clamp(ask)),
    aggregates: (ask) => aggregate(engine, ask, clamp(ask)),
    names: async (ask) => ({ names: await listNames(engine, ask, clamp({})) }),
    activity: (ask) => activityOf(engine, ask, clamp(ask)),
    errors: (ask) => listGroups(engine, ask, clamp(ask)),
    async occurrences({ group, apps, ...ask }) {
      const head = await arrivals.head();
      const listed = { group, ...(apps && { apps }) };
      return { ...(await listNewest(engine, listed, clamp(ask), ask)), head };
    },
    async incident({ event_id, apps }) {
      const event = await find(event_id, apps);
      if (event === undefined || !isIncident(event)) return event && { event };
      const { app, session_id } = event;
      const from = Math.max(event.ts - INCIDENT_BEFORE_MS, 0);
      const to = Math.min(event.ts + INCIDENT_AFTER_MS, MAX_TS);
      const each = referenceBytesMax(session_id, app);
      const window = { from, to };
      const cue = await cueOf(chunks, event, window, cueMax(ANSWER_BOUNDS, each));
      const own = eventBytes(event);
      const room = ANSWER_BOUNDS.bytes - FRAME_BYTES - own - cue.chunks.length * each;
      const [crumbs, neighbours] = await Promise.all([
        listAround(engine, event, clamp(window), { ownBytes: own, bytesMax: room }),
        neighboursOf(engine, event, clamp({})),
      ]);
      const isCut = cue.isCut || crumbs.isCut;
      return {
        event,
        around: {
          breadcrumbs: crumbs.events,
          cue: cue.chunks,
          neighbours,
          ...(isCut ? { truncated: true } : {}),
        },
      };
    },
    async replay({ id, apps, cursor = 0 }) {
      const found = await appsAmong(parts, id, apps);
      const [only] = found;
      if (found.length !== 1 || only === undefined) return { session: id, apps: found, chunks: [] };
      const limit = manifestMax(ANSWER_BOUNDS, referenceBytesMax(id, only));
      const rows = await chunks.page(only, id, { after: cursor, limit: limit + 1 });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const next = last && rows.length > limit ? { next: last.seq } : {};
      return { session: id, apps: found, chunks: page, ...next };
    },
  };
}

/** Reads a session's chunks in pages, latest first, for those that the window needs. */
async function cueOf(chunks: Chunks, { app, session_id, ts }: StoredEvent, window: Times, max: number) {
  const cue = openCue<ChunkRow>(window, { moment: ts, max });
  for (let before = CHUNK_SEQ_MAX + 1; ; ) {
    const rows = await chunks.page(app, session_id, { before, limit: CUE_PAGE });
    for (const row of rows) cue.add(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < CUE_PAGE) return cue.chunks();
    before = last.seq;
  }
}
