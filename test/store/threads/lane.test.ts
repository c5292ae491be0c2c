/** A lane of reads: whose turn it is, what is dropped, what ends in time, and what becomes of a thread that dies. */
import t from 'tap';
import {
  READER_RESTARTS_MAX,
  READER_RESTARTS_MS,
  WAITING_READS_MAX,
  WAITING_READS_OF_ONE_MAX,
} from '../../../src/domain/limits.js';
import type { ReadFor } from '../../../src/store/port.js';
import { type LaneOptions, openLane } from '../../../src/store/threads/lane.js';
import type { Notice } from '../../../src/store/threads/messages.js';
import { type ReadCall, SLOTS } from '../../../src/store/threads/read-call.js';
import type { Reply } from '../../../src/store/threads/rpc.js';

const LATER = 3_600_000;

/** A lane whose thread answers only when it is told to. */
function given(options: Partial<LaneOptions> = {}) {
  const posted: ReadCall[] = [];
  const notices: Notice[] = [];
  let clock = 0;
  let reply: (reply: Reply) => void = () => {};
  let end: (error: Error) => void = () => {};
  let flags: Int32Array = new Int32Array(0);
  let starts = 0;
  let closed: () => void = () => {};
  const closing = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const lane = openLane({
    name: 'short',
    depth: 1,
    now: () => clock,
    onNotice: (notice) => notices.push(notice),
    start(onReply, onEnd, cancelled) {
      starts++;
      [reply, end, flags] = [onReply, onEnd, cancelled];
      return { post: (call) => posted.push(call), close: () => closing };
    },
    ...options,
  });
  return {
    lane,
    notices,
    posted,
    starts: () => starts,
    pass: (ms: number) => {
      clock += ms;
    },
    ask: (
      name: string,
      {
        reader = name,
        ...more
      }: { reader?: string; onLeave?: ReadFor['onLeave']; endsAt?: number; caughtUp?: Promise<void> } = {},
    ) => lane.read({ method: name, args: [], reader, endsAt: LATER, workMs: 25, ...more }),
    /** The thread answers the read that it got last. */
    answer: () => reply({ kind: 'reply', id: posted.at(-1)?.id ?? 0, result: posted.at(-1)?.method }),
    close: () => closed(),
    die: () => end(new Error('out of memory')),
    isCancelled: ({ id }: ReadCall) => Atomics.load(flags, id % SLOTS) === id,
  };
}

t.test('readers take turns, however many reads one of them has waiting', async (t) => {
  const { ask, answer, posted } = given();
  const reads = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map((name) => ask(name, { reader: name[0] ?? '' }));
  for (let n = 0; n < reads.length; n++) answer();
  t.same(await Promise.all(reads), ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']);
  t.same(
    posted.map(({ method }) => method),
    ['a1', 'a2', 'b1', 'c1', 'a3', 'b2'],
  );
});

t.test('one reader cannot fill the queue, and all together no more than it holds', async (t) => {
  const { ask, lane } = given();
  const refused = async (reader: string) => {
    const read = ask('more', { reader });
    const waits = new Promise((resolve) => setImmediate(resolve, 'waits'));
    return Promise.race([read, waits]).catch(({ name }: Error) => name);
  };
  for (let n = 0; n < WAITING_READS_OF_ONE_MAX; n++) t.equal(await refused('a'), 'waits');
  t.equal(await refused('a'), 'waits', 'the first is under way');
  t.equal(await refused('a'), 'ReadsFull');
  t.equal(await refused('b'), 'waits', 'another reader has room');
  for (let n = 0; lane.state().waiting < WAITING_READS_MAX; n++) await refused(`r${n}`);
  t.equal(await refused('z'), 'ReadsFull');
  t.equal(lane.state().refused, 2);
});

t.test('a read whose reader left does not begin, or is told to end', async (t) => {
  const { ask, answer, posted, isCancelled } = given();
  const stops: (() => void)[] = [];
  const onLeave = (stop: () => void) => stops.push(stop);
  const running = ask('running', { onLeave });
  const waiting = ask('waiting', { onLeave });
  const last = ask('last');
  for (const stop of stops) stop();
  await t.rejects(running, { name: 'ReadCancelled' });
  await t.rejects(waiting, { name: 'ReadCancelled' });
  const [call] = posted;
  t.ok(call && isCancelled(call), 'the thread can see it');
  answer();
  answer();
  t.equal(await last, 'last');
  t.same(
    posted.map(({ method }) => method),
    ['running', 'last'],
  );
  await t.rejects(ask('late', { onLeave: (stop) => stop() }), { name: 'ReadCancelled' });
});

t.test('a read ends in time though its thread does not answer, or it never had its turn', async (t) => {
  const { ask, posted, isCancelled, lane } = given();
  const keepAlive = setTimeout(() => {}, 60_000);
  await Promise.all([
    t.rejects(ask('running', { endsAt: 20 }), { name: 'ReadTimeout' }),
    t.rejects(ask('waiting', { endsAt: 20 }), { name: 'ReadTimeout' }),
  ]);
  clearTimeout(keepAlive);
  const [call] = posted;
  t.ok(call && isCancelled(call));
  t.equal(lane.state().waiting, 0);
});

t.test(
  'ids are given when the thread gets a read: one that waited long shares no slot with a new one',
  async (t) => {
    const { ask, answer, posted } = given();
    const [, , old] = ['first', 'second', 'old'].map((name) => ask(name, { reader: 'a' }));
    // The other readers' go before it, since it is the third of its reader.
    const others = Array.from({ length: SLOTS }, (_, n) => ask('other', { reader: `b${n}` }));
    for (let n = 0; n < others.length + 3; n++) answer();
    t.equal(await old, 'old');
    t.equal(posted.at(-1)?.method, 'old');
    t.strictSame(
      posted.map(({ id }) => id),
      posted.map((_, n) => n + 1),
    );
  },
);

t.test('reads that wait for the tables are bounded like all that wait, and end in time', async (t) => {
  const { ask, answer, lane, posted } = given();
  let catchUp: () => void = () => {};
  const caughtUp = new Promise<void>((resolve) => {
    catchUp = resolve;
  });
  const keepAlive = setTimeout(() => {}, 60_000);
  t.teardown(() => clearTimeout(keepAlive));
  const late = ask('late', { reader: 'a', caughtUp, endsAt: 20 });
  const reads = Array.from({ length: WAITING_READS_OF_ONE_MAX }, () =>
    ask('more', { reader: 'a', caughtUp }),
  );
  await t.rejects(ask('too many', { reader: 'a', caughtUp }), { name: 'ReadsFull' });
  await t.rejects(late, { name: 'ReadTimeout' });
  t.equal(posted.length, 0, 'none has begun');
  catchUp();
  for (const read of reads) {
    await new Promise(setImmediate);
    answer();
    t.equal(await read, 'more');
  }
  t.equal(posted.length, reads.length, 'the one that was late never began');
  t.equal(lane.state().waiting, 0);
  await t.rejects(ask('any', { caughtUp: Promise.reject(new Error('the store has failed')) }), {
    message: 'the store has failed',
  });
});

t.test('closing ends the reads under way, and does not wait for them', async (t) => {
  const { ask, close, isCancelled, lane, posted } = given();
  const reads = [ask('running'), ask('waiting')];
  const isClosed = lane.close();
  for (const read of reads) await t.rejects(read, { name: 'ReaderDied' });
  t.equal(posted.filter(isCancelled).length, 1, 'the thread sees it');
  close();
  await isClosed;
});

t.test('a thread that dies is started anew, with those that wait', async (t) => {
  const { ask, answer, die, lane, notices, starts } = given();
  const [running, waiting] = [ask('running'), ask('waiting')];
  die();
  await t.rejects(running, { name: 'ReaderDied', message: 'out of memory' });
  answer();
  t.equal(await waiting, 'waiting');
  t.equal(starts(), 2);
  t.match(lane.state(), { deaths: 1, down: undefined });
  t.match(notices, [{ level: 'error', text: /short reads died \(out of memory\): started anew/ }]);
});

t.test('a thread that dies again and again stays down, and the lane says so', async (t) => {
  const { ask, die, lane, notices, pass, starts } = given();
  for (let death = 1; death <= READER_RESTARTS_MAX + 1; death++) {
    const running = ask('poison');
    const waiting = death > READER_RESTARTS_MAX ? [ask('behind it')] : [];
    die();
    for (const read of [running, ...waiting]) await t.rejects(read, { name: 'ReaderDied' });
  }
  t.equal(starts(), READER_RESTARTS_MAX + 1);
  t.match(lane.state().down, /short reads died/);
  t.match(notices.at(-1), { text: /until the collector is started again/ });
  pass(READER_RESTARTS_MS * 2);
  await t.rejects(ask('any'), { name: 'ReaderDied' });
});

t.test('deaths that are far apart do not add up', async (t) => {
  const { ask, die, lane, pass } = given();
  for (let death = 0; death < 3 * READER_RESTARTS_MAX; death++) {
    const running = ask('poison');
    die();
    await t.rejects(running, { name: 'ReaderDied' });
    pass(READER_RESTARTS_MS / 2);
  }
  t.equal(lane.state().down, undefined);
});
