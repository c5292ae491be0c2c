/** Every question the port answers, drawn at random, and how to put one to a store. */
import { EVENT_TYPES } from '../../src/domain/event.js';
import { FUNNEL_STEPS_MAX, LIST_LIMIT_MAX, MAX_ID, MAX_TS } from '../../src/domain/limits.js';
import type { EventPosition, EventsQuery, Query, Store, TimeRange } from '../../src/store/port.js';
import type { Random } from './random.js';
import { pickBound, pickTs, type World } from './world.js';

export type Question =
  | { ask: 'events'; query: EventsQuery }
  /** Every page of a listing to its end; page sizes in turn. */
  | { ask: 'pages'; query: Omit<EventsQuery, 'limit' | 'before'>; limits: number[] }
  | { ask: 'event'; id: number }
  | { ask: 'sessionWindow'; app: string; session: string; range: TimeRange }
  | { ask: 'tail'; after: number; limit: number }
  | { ask: 'users'; query: Query<'users'> }
  | { ask: 'sessions'; query: Query<'sessions'> }
  | { ask: 'funnel'; query: Query<'funnel'> }
  | { ask: 'aggregates'; query: Query<'aggregates'> }
  | { ask: 'names'; query: Query<'names'> }
  | { ask: 'errorGroups'; query: Omit<Query<'errorGroups'>, 'group'> }
  /** Of the listing's groups, whose ids are each store's own, one by its place: its row alone, and its occurrences. */
  | { ask: 'errorGroup'; place: number; query: Omit<Query<'errorGroups'>, 'group'>; before?: EventPosition }
  | { ask: 'neighbours'; id: number }
  | { ask: 'activity'; query: Query<'activity'> }
  | { ask: 'sessionApps'; session: string }
  | { ask: 'chunks'; app: string; session: string }
  | { ask: 'chunk'; app: string; session: string; seq: number }
  | { ask: 'stats' };

const KINDS: Question['ask'][] = [
  'events',
  'events',
  'events',
  'pages',
  'event',
  'sessionWindow',
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
  'errorGroups',
  'errorGroup',
  'errorGroup',
  'neighbours',
  'neighbours',
  'activity',
  'sessionApps',
  'chunks',
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

function pickFilters(random: Random, world: World): Omit<EventsQuery, 'limit' | 'before'> {
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
      const before = random.oneIn(4) ? pickPosition(random, world, head) : undefined;
      const query = {
        ...pickFilters(random, world),
        limit: pickLimit(random),
        ...optional('before', before),
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
    case 'sessionWindow': {
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
    case 'errorGroups':
    case 'errorGroup': {
      const query = { ...optional('app', app), ...pickRange(random, world), limit: pickLimit(random) };
      if (ask === 'errorGroups') return { ask, query };
      const before = random.oneIn(3) ? pickPosition(random, world, head) : undefined;
      return { ask, place: random.below(6), query, ...optional('before', before) };
    }
    case 'neighbours':
      return { ask, id: random.between(1, head + 1) };
    case 'activity': {
      const user = known(random, world.users);
      return { ask, query: { user, ...optional('app', app), ...pickRange(random, world) } };
    }
    case 'sessionApps':
      return { ask, session: known(random, world.sessions) };
    case 'chunks':
      return { ask, app: known(random, world.apps), session: known(random, world.recorded) };
    case 'chunk': {
      const session = random.pick(world.recorded);
      return { ask, app: random.pick(world.apps), session, seq: random.between(1, 4) };
    }
    case 'stats':
      return { ask };
  }
}

/** The questions that together see everything a store holds. */
export function examination(world: World): Question[] {
  const everywhere = [undefined, ...world.apps];
  return [
    { ask: 'stats' },
    { ask: 'pages', query: {}, limits: [LIST_LIMIT_MAX] },
    { ask: 'tail', after: 0, limit: LIST_LIMIT_MAX },
    ...everywhere.flatMap((app): Question[] => [
      { ask: 'users', query: { ...optional('app', app), limit: LIST_LIMIT_MAX } },
      { ask: 'sessions', query: { ...optional('app', app), limit: LIST_LIMIT_MAX } },
      { ask: 'aggregates', query: { ...optional('app', app), limit: 100 } },
      { ask: 'names', query: { ...optional('app', app), limit: LIST_LIMIT_MAX } },
      { ask: 'errorGroups', query: { ...optional('app', app), limit: LIST_LIMIT_MAX } },
    ]),
    ...world.sessions
      .slice(0, 8)
      .flatMap((session): Question[] => [
        { ask: 'sessionApps', session },
        ...world.apps.map((app): Question => ({ ask: 'chunks', app, session })),
      ]),
  ];
}

async function allPages(store: Store, question: Question & { ask: 'pages' }): Promise<unknown[]> {
  const pages: unknown[] = [];
  let before: EventPosition | undefined;
  for (let turn = 0; ; turn++) {
    const limit = question.limits[turn % question.limits.length] ?? 1;
    const page = await store.events({ ...question.query, limit, ...optional('before', before) });
    pages.push(page);
    if (page.next === undefined) return pages;
    before = page.next;
    if (turn > 20_000) throw new Error('a listing that never ends');
  }
}

async function groupAt(store: Store, question: Question & { ask: 'errorGroup' }): Promise<unknown> {
  const { place, query, before } = question;
  const group = (await store.errorGroups({ ...query, limit: LIST_LIMIT_MAX }))[place]?.group ?? 'no-group';
  return {
    row: await store.errorGroups({ ...query, group }),
    page: await store.occurrences({ ...query, group, ...optional('before', before) }),
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
      return store.event(question.id);
    case 'sessionWindow':
      return store.sessionWindow(question.app, question.session, question.range);
    case 'tail':
      return store.tail(question.after, question.limit);
    case 'sessionApps':
      return store.sessionApps(question.session);
    case 'chunks':
      return store.chunks(question.app, question.session);
    case 'chunk':
      return store.chunk(question.app, question.session, question.seq);
    case 'stats':
      return countersOf(store);
    case 'events':
      return store.events(question.query);
    case 'users':
      return store.users(question.query);
    case 'sessions':
      return store.sessions(question.query);
    case 'funnel':
      return store.funnel(question.query);
    case 'aggregates':
      return store.aggregates(question.query);
    case 'names':
      return store.names(question.query);
    case 'errorGroups':
      return store.errorGroups(question.query);
    case 'errorGroup':
      return groupAt(store, question);
    case 'neighbours':
      return store.neighbours(question.id);
    case 'activity':
      return store.activity(question.query);
  }
}
