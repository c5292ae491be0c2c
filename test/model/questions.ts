/** Every question the port answers, drawn at random, and how to put one to a store. */
import { EVENT_TYPES } from '../../src/domain/event.js';
import { FUNNEL_STEPS_MAX, LIST_LIMIT_MAX, MAX_ID, MAX_TS } from '../../src/domain/limits.js';
import type { EventPosition } from '../../src/questions/cursor.js';
import type { Ask, QuestionName } from '../../src/questions/index.js';
import type { Store, TimeRange } from '../../src/store/port.js';
import type { Random } from './random.js';
import { pickBound, pickTs, someOf, type World } from './world.js';

/** What a client asks with: it names one app or none. */
type Query<K extends QuestionName> = Omit<Ask<K>, 'apps'> & { app?: string };

type Asked =
  | { ask: 'events'; query: Query<'events'> }
  /** Every page of a listing to its end; page sizes in turn. */
  | { ask: 'pages'; query: Omit<Query<'events'>, 'limit' | 'cursor'>; limits: number[] }
  | { ask: 'event'; id: number }
  /** A session's events within a range. */
  | { ask: 'trail'; app: string; session: string; range: TimeRange }
  | { ask: 'tail'; after: number; limit: number }
  | { ask: 'users'; query: Query<'users'> }
  | { ask: 'sessions'; query: Query<'sessions'> }
  | { ask: 'funnel'; query: Query<'funnel'> }
  | { ask: 'aggregates'; query: Query<'aggregates'> }
  | { ask: 'names'; query: Query<'names'> }
  | { ask: 'errors'; query: Omit<Query<'errors'>, 'group'> }
  /** Of all groups of the range, whose ids are each store's own, one by its place: its row alone, and its occurrences. */
  | { ask: 'errorGroup'; place: number; query: Omit<Query<'errors'>, 'group'>; cursor?: EventPosition }
  | { ask: 'incident'; id: number }
  | { ask: 'activity'; query: Query<'activity'> }
  | { ask: 'sessionApps'; session: string }
  | { ask: 'replay'; app: string; session: string }
  | { ask: 'chunk'; app: string; session: string; seq: number }
  | { ask: 'stats' };

export type Question = Asked & {
  /** The apps the port is asked about, in place of the one that a client names. */
  apps?: readonly string[];
};

const KINDS: Question['ask'][] = [
  'events',
  'events',
  'events',
  'pages',
  'event',
  'trail',
  'tail',
  'users',
  'sessions',
  'sessions',
  'funnel',
  'funnel',
  'aggregates',
  'aggregates',
  'aggregates',
  'names',
  'errors',
  'errorGroup',
  'errorGroup',
  'incident',
  'incident',
  'activity',
  'sessionApps',
  'replay',
  'chunk',
  'stats',
];

/** A name that is usually one of the world's and now and then one that nothing ever had. */
const known = (random: Random, choices: readonly string[]): string =>
  random.oneIn(12) ? 'nobody-knows' : random.pick(choices);

/** The field with the value, or no field at all: the port knows no `undefined` values. */
function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [key in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [key in Key]: Value });
}

const sometimes = (random: Random, choices: readonly string[]): string | undefined =>
  random.oneIn(3) ? known(random, choices) : undefined;

const pickRange = (random: Random, world: World): TimeRange => ({
  ...optional('from', pickBound(random, world)),
  ...optional('to', pickBound(random, world)),
});

const pickLimit = (random: Random): number =>
  random.pick([1, 2, 3, 7, 10, 50, 100, 499, LIST_LIMIT_MAX, random.between(1, LIST_LIMIT_MAX)]);

function pickFilters(random: Random, world: World): Omit<Query<'events'>, 'limit' | 'cursor'> {
  return {
    ...optional('user', sometimes(random, world.users)),
    ...optional('session', sometimes(random, world.sessions)),
    ...optional('app', sometimes(random, world.apps)),
    ...optional('type', random.oneIn(3) ? random.pick(EVENT_TYPES) : undefined),
    ...pickRange(random, world),
  };
}

function pickPosition(random: Random, world: World, head: number): EventPosition {
  const ts = random.oneIn(10) ? random.pick([0, MAX_TS]) : pickTs(random, world, random.pick(world.moments));
  return { ts, id: random.oneIn(10) ? MAX_ID : random.between(1, head + 2) };
}

function pickSteps(random: Random, world: World): string[] {
  const count = random.oneIn(10) ? random.between(2, FUNNEL_STEPS_MAX) : random.between(2, 4);
  // From few names, so that steps repeat and somebody takes them.
  const names = Array.from({ length: 3 }, () => known(random, world.names));
  return Array.from({ length: count }, () => random.pick(names));
}

/** Lists of apps in any order: of none, some or all, of one that nobody knows. */
export function pickApps(random: Random, world: World): string[] {
  return someOf(random, [...world.apps, 'nobody-knows'], random.between(0, world.apps.length + 1));
}

/** One question; `head` is roughly how many events there are. */
export function pickQuestion(random: Random, world: World, head: number): Question {
  return makeQuestion(random, world, head, random.pick(KINDS));
}

/** A question whose answer lies in rows that a sweep which is under way may not have come to yet. */
export function pickSweepQuestion(random: Random, world: World, head: number): Question {
  if (!random.oneIn(3)) return pickQuestion(random, world, head);
  if (random.oneIn(2)) return { ask: 'event', id: random.between(1, head) };
  return { ask: 'sessions', query: { user: random.pick(world.users), limit: LIST_LIMIT_MAX } };
}

function makeQuestion(random: Random, world: World, head: number, ask: Question['ask']): Question {
  const app = sometimes(random, world.apps);
  switch (ask) {
    case 'events': {
      const cursor = random.oneIn(4) ? pickPosition(random, world, head) : undefined;
      const query = {
        ...pickFilters(random, world),
        limit: pickLimit(random),
        ...optional('cursor', cursor),
      };
      return { ask, query };
    }
    case 'pages': {
      // Pages of one are only walked over narrow listings: a wide one would take hundreds of reads.
      const limits = Array.from({ length: 3 }, () => random.pick([2, 3, 5, 20, 100, 500]));
      return { ask, query: pickFilters(random, world), limits: random.oneIn(6) ? [1, ...limits] : limits };
    }
    case 'event':
      return { ask, id: random.oneIn(20) ? random.pick([0, MAX_ID]) : random.between(1, head + 3) };
    case 'trail': {
      const session = known(random, world.sessions);
      const middle = pickTs(random, world, random.pick(world.moments));
      const range = random.oneIn(2)
        ? { from: Math.max(0, middle - 60_000), to: middle + 10_000 }
        : pickRange(random, world);
      return { ask, app: known(random, world.apps), session, range };
    }
    case 'tail':
      return { ask, after: random.between(0, head + 3), limit: pickLimit(random) };
    case 'users':
    case 'sessions': {
      const user = sometimes(random, world.users);
      return { ask, query: { ...optional('app', app), ...optional('user', user), limit: pickLimit(random) } };
    }
    case 'funnel':
      return {
        ask,
        query: { steps: pickSteps(random, world), ...optional('app', app), ...pickRange(random, world) },
      };
    case 'aggregates': {
      const limit = random.pick([1, 2, 3, 10, 100]);
      return { ask, query: { ...optional('app', app), ...pickRange(random, world), limit } };
    }
    case 'names': {
      const prefix = [...known(random, world.names)].slice(0, random.below(4)).join('');
      const query = { ...optional('type', random.oneIn(2) ? random.pick(EVENT_TYPES) : undefined), prefix };
      return { ask, query: { ...query, ...optional('app', app), limit: pickLimit(random) } };
    }
    case 'errors':
    case 'errorGroup': {
      const query = { ...optional('app', app), ...pickRange(random, world), limit: pickLimit(random) };
      if (ask === 'errors') return { ask, query };
      const cursor = random.oneIn(3) ? pickPosition(random, world, head) : undefined;
      return { ask, place: random.below(6), query, ...optional('cursor', cursor) };
    }
    case 'incident':
      return { ask, id: random.between(1, head + 1) };
    case 'activity': {
      const user = known(random, world.users);
      return { ask, query: { user, ...optional('app', app), ...pickRange(random, world) } };
    }
    case 'sessionApps':
      return { ask, session: known(random, world.sessions) };
    case 'replay':
      return { ask, app: known(random, world.apps), session: known(random, world.recorded) };
    case 'chunk': {
      const session = random.pick(world.recorded);
      return { ask, app: random.pick(world.apps), session, seq: random.between(1, 4) };
    }
    case 'stats':
      return { ask };
  }
}

/** The questions that together see everything a store holds; `lists` are lists of apps to ask about besides. */
export function examination(world: World, lists: readonly string[][] = []): Question[] {
  const everywhere = [undefined, ...world.apps].map((app) => ({ query: optional('app', app) }));
  const kept = lists.map((apps) => ({ query: {}, apps }));
  return [
    { ask: 'stats' },
    { ask: 'pages', query: {}, limits: [LIST_LIMIT_MAX] },
    { ask: 'tail', after: 0, limit: LIST_LIMIT_MAX },
    ...[...everywhere, ...kept].flatMap(({ query, ...among }): Question[] => [
      { ask: 'users', query: { ...query, limit: LIST_LIMIT_MAX }, ...among },
      { ask: 'sessions', query: { ...query, limit: LIST_LIMIT_MAX }, ...among },
      { ask: 'aggregates', query: { ...query, limit: 100 }, ...among },
      { ask: 'names', query: { ...query, limit: LIST_LIMIT_MAX }, ...among },
      { ask: 'errors', query: { ...query, limit: LIST_LIMIT_MAX }, ...among },
    ]),
    ...kept.flatMap(({ query, apps }): Question[] => [
      { ask: 'pages', query, limits: [LIST_LIMIT_MAX], apps },
      { ask: 'funnel', query: { steps: world.names.slice(0, 2) }, apps },
      ...world.users.slice(0, 2).map((user): Question => ({ ask: 'activity', query: { user }, apps })),
      ...world.sessions.slice(0, 2).map((session): Question => ({ ask: 'sessionApps', session, apps })),
    ]),
    ...world.sessions
      .slice(0, 8)
      .flatMap((session): Question[] => [
        { ask: 'sessionApps', session },
        ...world.apps.map((app): Question => ({ ask: 'replay', app, session })),
      ]),
  ];
}

/** The question as the port is asked: with a list of apps, or without where all are meant. */
export function about<Q extends object>(
  { app, ...rest }: Q & { app?: string },
  { apps = app === undefined ? undefined : [app] }: Pick<Question, 'apps'>,
) {
  return { ...rest, ...optional('apps', apps) };
}

async function allPages(store: Store, question: Question & { ask: 'pages' }): Promise<unknown[]> {
  const pages: unknown[] = [];
  let cursor: EventPosition | undefined;
  for (let turn = 0; ; turn++) {
    const limit = question.limits[turn % question.limits.length] ?? 1;
    const ask = { ...about(question.query, question), limit, ...optional('cursor', cursor) };
    const page = await store.ask('events', ask);
    pages.push(page);
    if (page.next === undefined) return pages;
    cursor = page.next;
    if (turn > 20_000) throw new Error('a listing that never ends');
  }
}

async function groupAt(store: Store, question: Question & { ask: 'errorGroup' }): Promise<unknown> {
  const { place, query, cursor } = question;
  const { app: _, ...range } = query;
  const { groups } = await store.ask('errors', { ...range, limit: LIST_LIMIT_MAX });
  const ask = { ...about(query, question), group: groups[place]?.group ?? 'no-group' };
  return {
    row: await store.ask('errors', ask),
    page: await store.ask('occurrences', { ...ask, ...optional('cursor', cursor) }),
  };
}

/** The counters of `Store.stats` that follow from the history alone. */
async function countersOf(store: Store): Promise<unknown> {
  const { head, late_events, deduplicated_batches, committed_events } = await store.stats();
  return { head, late_events, deduplicated_batches, committed_events };
}

/** The store's answer as plain data. */
export async function putQuestion(store: Store, question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'pages':
      return allPages(store, question);
    case 'event':
      return store.ask('event', about({ id: question.id }, question));
    case 'incident':
      return store.ask('incident', about({ event_id: question.id }, question));
    case 'trail': {
      const { app, session, range } = question;
      return store.ask('events', { ...about({ app, session }, question), ...range, limit: LIST_LIMIT_MAX });
    }
    case 'tail':
      return store.tail(question.after, question.limit);
    case 'sessionApps': {
      const manifest = await store.ask('replay', about({ id: question.session }, question));
      return { apps: await store.sessionApps(question.session), manifest };
    }
    case 'replay':
      return store.ask('replay', about({ id: question.session, app: question.app }, question));
    case 'chunk':
      return store.chunk(question.app, question.session, question.seq);
    case 'stats':
      return countersOf(store);
    case 'events':
      return store.ask('events', about(question.query, question));
    case 'users':
      return store.ask('users', about(question.query, question));
    case 'sessions':
      return store.ask('sessions', about(question.query, question));
    case 'funnel':
      return store.ask('funnel', about(question.query, question));
    case 'aggregates':
      return store.ask('aggregates', about(question.query, question));
    case 'names':
      return store.ask('names', about(question.query, question));
    case 'errors':
      return store.ask('errors', about(question.query, question));
    case 'errorGroup':
      return groupAt(store, question);
    case 'activity':
      return store.ask('activity', about(question.query, question));
  }
}
