/** The embedded engine's answers to every question, synchronous and from one snapshot. */
import type { Log } from '../../log/batches/log.js';
import type { Env } from '../../log/file/env.js';
import { answerJson } from '../../questions/answer-json.js';
import { bounded } from '../../questions/bounds.js';
import type { Ask, Found, QuestionName, SyncAnswers } from '../../questions/index.js';
import type { RenderContext } from '../../questions/question.js';
import type { Chunk } from '../../replay/manifest.js';
import type { TailPage } from '../port.js';
import { answerActivity } from './activity.js';
import { answerCounts } from './counts.js';
import { answerErrors } from './errors.js';
import { answerIncidents } from './incident.js';
import { listEvents } from './listing.js';
import { answerPeople } from './people.js';
import { answerReplay, appsOfSession } from './replay.js';
import { openScope, type ReadOptions } from './scope.js';
import { readTail } from './tail.js';

export interface Reads {
  ask<K extends QuestionName>(kind: K, ask: Ask<K>): Found<K>;
  answer<K extends QuestionName>(kind: K, ask: Ask<K>, context: RenderContext): Uint8Array<ArrayBuffer>;
  tail(after: number, limit: number): TailPage;
  sessionApps(session: string): string[];
  chunkRow(app: string, session: string, seq: number): Chunk | undefined;
}

/** Calls in one turn of the event loop read the same snapshot; `env.renewSnapshot()` gets the newest. */
export function openReads(env: Env, stored: Log, options?: ReadOptions): Reads {
  const scope = openScope(env, stored, options);
  const { log, manifest } = scope;
  const { around, ...errors } = answerErrors(scope);
  const answers: SyncAnswers = {
    events: (ask) => listEvents(scope, ask),
    ...answerIncidents(scope, around),
    ...answerPeople(scope),
    ...answerCounts(scope),
    ...answerActivity(scope),
    ...errors,
    ...answerReplay(scope),
  };
  const ask = <K extends QuestionName>(kind: K, asked: Ask<K>): Found<K> => {
    scope.begin();
    return answers[kind](asked);
  };
  return {
    ask,
    answer: (kind, asked, context) => answerJson(kind, ask(kind, asked), context),
    tail(after, limit) {
      scope.begin();
      const { events, ...page } = readTail(log, after, limit);
      return { ...page, events: events.map((event) => bounded(event, scope.bounds)) };
    },
    sessionApps(session) {
      scope.begin();
      return appsOfSession(scope, session);
    },
    chunkRow(app, session, seq) {
      const number = log.dictionaries.number('app', app);
      return number === undefined ? undefined : manifest.get(number, session, seq);
    },
  };
}
