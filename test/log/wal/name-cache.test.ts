/** The memory of names' numbers: it may forget, it never errs, and it never learns a number that is taken back. */
import fc from 'fast-check';
import t from 'tap';
import { beginCommit, type CommitBase } from '../../../src/log/wal/commit.js';
import { createNameCache } from '../../../src/log/wal/name-cache.js';
import { memoryBase } from '../../support/commit-base.js';

const LONGEST = 'x'.repeat(127);

/** Names as they come: amid other bytes. */
const spanOf = (name: string): [bytes: Buffer, start: number, end: number] => {
  const bytes = Buffer.from(`"name":"${name}"`);
  return [bytes, 8, bytes.length - 1];
};

t.test('what it remembers of many names, places shared, is true', async (t) => {
  const cache = createNameCache();
  const names = Array.from({ length: 10_000 }, (_, index) => `action_${index}`);
  names.forEach((name, index) => {
    cache.remember(...spanOf(name), index + 1);
    t.equal(cache.find(...spanOf(name)), index + 1);
  });
  const found = names.map((name) => cache.find(...spanOf(name)));
  found.forEach((number, index) => {
    if (number !== undefined) t.equal(number, index + 1);
  });
  const remembered = found.filter((number) => number !== undefined).length;
  t.ok(remembered > 3_000 && remembered < names.length, `${remembered} of them, the others were pushed out`);
});

t.test('it never mistakes a name for another', async () => {
  const name = fc.oneof(
    fc.constantFrom('a', 'b', 'aa', 'ä', '😀', LONGEST, `${LONGEST}y`, `${LONGEST.slice(1)}y`, ''),
    fc.string({ unit: 'binary', maxLength: 200 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, name), { maxLength: 30 }), (steps) => {
      const cache = createNameCache();
      const told = new Map<string, number>();
      return steps.every(([learnt, asked], index) => {
        cache.remember(...spanOf(learnt), index);
        told.set(Buffer.from(learnt).toString(), index);
        const found = cache.find(...spanOf(asked));
        return found === undefined || found === told.get(Buffer.from(asked).toString());
      });
    }),
  );
});

t.test('names of 127 bytes are remembered, longer ones are not', async (t) => {
  const cache = createNameCache();
  cache.remember(...spanOf(LONGEST), 1);
  cache.remember(...spanOf(`${LONGEST}y`), 2);
  t.equal(cache.find(...spanOf(LONGEST)), 1);
  t.equal(cache.find(...spanOf(`${LONGEST}y`)), undefined);
});

const request = (...names: string[]) => ({
  app: 'shop',
  receivedAt: 1,
  events: names.map((name) => ({ ts: 1, user_id: 'u', session_id: 's', type: 'event' as const, name })),
});

/** The base, whose dictionary fails at the name `unreadable`. */
const failing = (base: CommitBase): CommitBase => ({
  ...base,
  number(kind, text) {
    if (text === 'unreadable') throw new Error('the disk is ill');
    return base.number(kind, text);
  },
});

t.test('a number that a failed request had is given to another name', async (t) => {
  const base = memoryBase();
  const namesOf = (...requests: ReturnType<typeof request>[]) => {
    const commit = beginCommit(failing(base));
    for (const one of requests) {
      if (one.events.some(({ name }) => name === 'unreadable')) t.throws(() => commit.add(one), /ill/);
      else commit.add(one);
    }
    return base.take(commit.seal()).map(({ name }) => name);
  };
  t.strictSame(namesOf(request('lost', 'unreadable'), request('kept'), request('lost')), ['kept', 'lost']);
  t.strictSame(namesOf(request('new', 'kept', 'unreadable'), request('kept', 'other', 'lost')), [
    'kept',
    'other',
    'lost',
  ]);
  t.strictSame(namesOf(request('new', 'other', 'kept')), ['new', 'other', 'kept']);
  t.equal(base.counters().name, 5, 'four names have numbers');
});

t.test('a number of a commit that was dropped is given to another name', async (t) => {
  const base = memoryBase();
  beginCommit(base).add(request('dropped', 'dropped too'));
  for (const names of [['kept'], ['kept', 'dropped'], ['dropped', 'kept', 'dropped too']]) {
    const commit = beginCommit(base);
    commit.add(request(...names));
    t.strictSame(
      base.take(commit.seal()).map(({ name }) => name),
      names,
    );
  }
});
