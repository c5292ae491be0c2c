/** Requests without a key: they take a twentieth of the thread's time, and none of anybody else's. */
import { mock } from 'node:test';
import t from 'tap';
import { openKeyless } from '../../src/ingest/keyless.js';

/** A search takes 2 ms. */
const SEARCH_MS = 2;

function given() {
  let clock = 0;
  let isFree = true;
  const found: number[] = [];
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(performance, 'now', () => clock);
  const keyless = openKeyless<{ request: { body: Uint8Array; receivedAt: number }; sender: number }>(
    ({ sender }) => {
      found.push(sender);
      clock += SEARCH_MS;
    },
    () => isFree,
  );
  return {
    found,
    push: (sender: number) => keyless.push({ request: { body: new Uint8Array(8), receivedAt: 0 }, sender }),
    pass(ms: number) {
      clock += ms;
      mock.timers.tick(ms);
    },
    setFree(now: boolean) {
      isFree = now;
      keyless.soon();
    },
  };
}

t.afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

t.test('after a search they pause for nineteen times as long', (t) => {
  const { found, push, pass } = given();
  for (const sender of [1, 2, 3]) push(sender);
  pass(0);
  t.same(found, [1]);
  pass(19 * SEARCH_MS - 1);
  t.same(found, [1]);
  pass(1);
  t.same(found, [1, 2]);
  t.end();
});

t.test('they wait while anybody else does', (t) => {
  const { found, push, pass, setFree } = given();
  setFree(false);
  push(1);
  pass(1_000);
  t.same(found, []);
  setFree(true);
  pass(0);
  t.same(found, [1]);
  t.end();
});
