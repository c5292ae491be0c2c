/**
 * Specs of views: given some events and what became of them, the tables of a view hold these rows.
 *
 * Each spec is played twice, with a commit for each request and with one commit for all, since rows depend on the events and their
 * order of arrival alone; and each time the log is folded anew and must give the same bytes.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { EventRequest, JsonText, NewEvent } from '../../src/domain/event.js';
import { openEnv } from '../../src/log/file/env.js';
import { eraseUser } from '../../src/store/offline/erase.js';
import { verifyStore } from '../../src/store/offline/verify.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';
import type { Store, WritableStore } from '../../src/store/port.js';
import { withDataDir } from '../model/run.js';
import { type Layout, type Rows, rowsIn, timeOf } from './decoded.js';

/** After all that is told of. */
const NOW = timeOf('12-31 00:00');

// --- events

export type GivenEvent = NewEvent & { app: string; id?: number };
/** Events of one app that come in one request. */
export type Request = GivenEvent | GivenEvent[];

interface Terse extends Pick<Partial<GivenEvent>, 'app' | 'type' | 'name' | 'id'> {
  user?: string;
  session?: string;
  /** A time, or Unix ms. */
  at?: string | number;
  /** What the event tells of its user. */
  person?: { name?: string; email?: string };
  props?: object;
}

/** An event of alice's at 10:00, but for what is said of it. With an `id` it comes by an import. */
export function event({ user = 'alice', session = 's1', at = '10:00', person, props, ...rest }: Terse = {}) {
  const given: GivenEvent = {
    ...{ app: 'shop', type: 'event', name: 'click', user_id: user, session_id: session, ...rest },
    ts: typeof at === 'number' ? at : timeOf(at),
  };
  if (person !== undefined) given.user = person;
  if (props !== undefined) given.props = JSON.stringify(props) as JsonText;
  return given;
}

/** As many events, or requests of them, made by their number from 0. */
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

function batchOf(request: Request): EventRequest {
  const events = Array.isArray(request) ? request : [request];
  const [{ app = '', id: firstId } = {}] = events;
  assert.ok(
    events.every((one) => one.app === app),
    'a request is of one app',
  );
  return { app, receivedAt: NOW, events, ...(firstId === undefined ? {} : { firstId }) };
}

// --- given, when, then

type Step = { come: EventRequest[] } | { sweep: number } | { fence: number } | { erase: string };

export interface Given<L extends Layout> {
  /** More requests, after what happened so far. */
  and(...requests: Request[]): Given<L>;
  /** Retention takes what lies before a day. */
  swept(day: string): Given<L>;
  /** A sweep has begun, and was cut off right after it had said where. */
  fenced(day: string): Given<L>;
  erased(user: string): Given<L>;
  /** The table holds these rows and no other, in the order of their keys. */
  rows<Table extends keyof L & string>(table: Table, expected: Rows<L>[Table]): Promise<void>;
  /** The store answers so. */
  answers<T>(ask: (store: Store) => Promise<T>, expected: T): Promise<void>;
}

async function withStore<T>(dataDir: string, use: (store: WritableStore) => Promise<T>): Promise<T> {
  const store = await openLmdbStore({ dataDir, now: () => NOW });
  return use(store).finally(() => store.close());
}

async function append(store: WritableStore, batches: readonly EventRequest[]): Promise<void> {
  for (const settled of await store.append(batches)) assert.equal(settled.status, 'fulfilled');
}

const PLAYS = ['a commit each', 'one commit'] as const;
type Commits = (typeof PLAYS)[number];

async function takeStep(dataDir: string, step: Step, commits: Commits): Promise<void> {
  if ('erase' in step) {
    await eraseUser(dataDir, { user: step.erase }, () => {});
  } else if ('fence' in step) {
    const env = openEnv(dataDir, { mode: 'write' });
    const value = Buffer.alloc(6);
    value.writeUIntBE(step.fence, 0, 6);
    env.transaction(() => env.table('meta').put(Buffer.from('fence'), value));
    await env.close();
  } else {
    await withStore(dataDir, async (store) => {
      if ('sweep' in step) await store.sweep({ eventsBefore: step.sweep });
      else if (commits === 'one commit') await append(store, step.come);
      else for (const batch of step.come) await append(store, [batch]);
    });
  }
}

/** Plays the steps in a store of its own and looks at what is there then. */
function play<T>(
  steps: readonly Step[],
  commits: Commits,
  look: (dataDir: string) => Promise<T>,
): Promise<T> {
  return withDataDir(async (folder) => {
    const dataDir = join(folder, 'data');
    for (const step of steps) await takeStep(dataDir, step, commits);
    const seen = await look(dataDir);
    const { problem } = await verifyStore(dataDir, () => {});
    const isCutOff = steps.some((step) => 'fence' in step);
    if (!isCutOff) assert.equal(problem, undefined, 'folded anew');
    return seen;
  });
}

/** The beginning of every spec of a view with this layout. */
export function specsOf<L extends Layout>(layout: L): (...requests: Request[]) => Given<L> {
  const after = (steps: Step[]): Given<L> => {
    /** By the way of committing: played once, however many tables are looked at. */
    const played = new Map<Commits, Promise<Rows<L>>>();
    return {
      and: (...requests) => after([...steps, { come: requests.map(batchOf) }]),
      swept: (day) => after([...steps, { sweep: timeOf(`${day} 00:00`) }]),
      fenced: (day) => after([...steps, { fence: timeOf(`${day} 00:00`) }]),
      erased: (user) => after([...steps, { erase: user }]),
      async rows(table, expected) {
        for (const commits of PLAYS) {
          const rows = played.get(commits) ?? play(steps, commits, (dataDir) => rowsIn(dataDir, layout));
          played.set(commits, rows);
          assert.deepEqual((await rows)[table], expected, `${table}, ${commits}`);
        }
      },
      async answers(ask, expected) {
        for (const commits of PLAYS) {
          const answer = await play(steps, commits, (dataDir) => withStore(dataDir, ask));
          assert.deepEqual(answer, expected, commits);
        }
      },
    };
  };
  return (...requests) => after([]).and(...requests);
}
