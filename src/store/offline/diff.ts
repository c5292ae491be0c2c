/** Says which answers would change if this release folded the views anew. The store is left as it is. */
import { EVENT_TYPES } from '../../domain/event.js';
import type { Log } from '../../log/batches/log.js';
import { StoreUnusable } from '../../log/file/data-dir.js';
import { ViewNotReady } from '../../projections/engine/projection.js';
import { storedViews } from '../../projections/engine/serving.js';
import { readViewStates } from '../../projections/engine/states.js';
import { rebuildAside, viewsFrom } from '../../projections/rebuild.js';
import { PROJECTIONS } from '../../projections/registry.js';
import { openReads, type Reads } from '../answers/index.js';
import { type OnProgress, ReadTimeout } from '../port.js';
import { withViewsAside } from './with-store.js';

/** Users, names and error groups that are asked about one by one. */
const SAMPLE = 20;
const ROWS = 500;
const EXCERPT_CHARS = 60;

export interface DiffReport {
  /** Questions whose two answers were compared. */
  asked: number;
  /** A line each, for what changes and for what could not be compared. */
  changes: string[];
}

interface Question {
  title: string;
  ask(reads: Reads): unknown;
}

/** Compares the answers of a store that nobody writes to meanwhile. Throws `StoreUnusable`. */
export function diffStore(dataDir: string, onProgress: OnProgress): Promise<DiffReport> {
  return withViewsAside(dataDir, (env, log, aside) => {
    const stored = openReads(storedViews(env, log, PROJECTIONS), log);
    const anew = openReads(viewsFrom(aside, env), log);
    const broken = rebuildAside(aside, log, onProgress);
    if (broken) throw new StoreUnusable(`view ${broken.view} cannot be folded: ${broken.error.message}`);
    return compare(stored, anew, log, statesOf(log));
  });
}

/** A line for each view that keeps answers from being compared. */
function statesOf(log: Log): string[] {
  const states = readViewStates(log);
  return PROJECTIONS.flatMap(({ name, version }) => {
    const state = states[name];
    if (state === undefined) return [`view ${name} is new: it has no answers yet`];
    if (state.version !== version)
      return [
        `view ${name} goes from version ${state.version} to ${version}, whose rows are others: any answer may change`,
      ];
    if (state.checkpoint <= log.head())
      return [`view ${name} holds events up to id ${state.checkpoint - 1} of ${log.head()} only`];
    return [];
  });
}

function compare(stored: Reads, anew: Reads, log: Log, changes: string[]): DiffReport {
  const apps = log.apps().map((app) => log.dictionaries.text('app', app));
  let asked = 0;
  for (const { title, ask } of questions(anew, apps)) {
    try {
      const difference = firstDifference(ask(stored), ask(anew), '');
      asked++;
      if (difference !== undefined) changes.push(`${title}: ${difference}`);
    } catch (error) {
      if (error instanceof ReadTimeout) changes.push(`${title}: takes too long to compare`);
      // Said of its view already.
      else if (!(error instanceof ViewNotReady)) throw error;
    }
  }
  return { asked, changes };
}

/** Questions of every kind, about all apps, each app, and some users, names and groups. */
function* questions(anew: Reads, apps: readonly string[]): Generator<Question> {
  for (const app of [undefined, ...apps]) {
    const page = app === undefined ? { limit: ROWS } : { apps: [app], limit: ROWS };
    const whose = app === undefined ? 'of all apps' : `of ${app}`;
    yield { title: `sessions ${whose}`, ask: (reads) => reads.ask('sessions', page) };
    yield { title: `users ${whose}`, ask: (reads) => reads.ask('users', page) };
    yield { title: `aggregates ${whose}`, ask: (reads) => reads.ask('aggregates', { ...page, limit: 100 }) };
    yield { title: `names ${whose}`, ask: (reads) => reads.ask('names', page) };
    yield { title: `errors ${whose}`, ask: (reads) => reads.ask('errors', page) };
    for (const type of EVENT_TYPES)
      yield { title: `${type} events ${whose}`, ask: (reads) => reads.ask('events', { ...page, type }) };
  }
  for (const { user_id: user } of anew.ask('users', { limit: SAMPLE }).users) {
    yield { title: `events of user ${user}`, ask: (reads) => reads.ask('events', { user, limit: ROWS }) };
    yield { title: `sessions of user ${user}`, ask: (reads) => reads.ask('sessions', { user, limit: ROWS }) };
    yield { title: `activity of user ${user}`, ask: (reads) => reads.ask('activity', { user }) };
  }
  for (const { group, name } of anew.ask('errors', { limit: SAMPLE }).groups)
    yield {
      title: `occurrences of ${name}`,
      ask: (reads) => reads.ask('occurrences', { group, limit: ROWS }),
    };
  const names = anew.ask('names', { prefix: '', limit: SAMPLE }).names.map(({ name }) => name);
  for (const [index, name] of names.slice(1).entries()) {
    const steps = [names[index] ?? '', name];
    yield { title: `the funnel ${steps.join(' → ')}`, ask: (reads) => reads.ask('funnel', { steps }) };
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const brief = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, EXCERPT_CHARS);

/** Where two answers first differ, and how. */
function firstDifference(before: unknown, after: unknown, path: string): string | undefined {
  if (isRecord(before) && isRecord(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const place = path === '' ? key : `${path}.${key}`;
      const difference = firstDifference(before[key], after[key], place);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return Object.is(before, after) ? undefined : `${path} was ${brief(before)}, would be ${brief(after)}`;
}
