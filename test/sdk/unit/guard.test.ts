/** What a recording is kept small by: gzip, the sample of sessions, and the guard that ends one that costs too much. */
import { mock } from 'node:test';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { uuid } from '../../../sdk/src/id.js';
import { startGuard } from '../../../sdk/src/replay/guard.js';
import { gzip, wrap } from '../../../sdk/src/replay/gzip.js';
import { isSampled } from '../../../sdk/src/replay/sample.js';

t.afterEach(() => mock.restoreAll());

t.test('gzip, where the browser has none too, and where it fails', async (t) => {
  const text = 'é😀'.repeat(50_000);
  t.equal(gunzipSync(wrap(text)).toString(), text);
  t.equal(gunzipSync(wrap('')).toString(), '');
  t.ok((await gzip(text)).length < 5_000);
  mock.method(globalThis, 'CompressionStream', () => {
    throw new TypeError('not here');
  });
  t.equal(gunzipSync(await gzip(text)).toString(), text);
});

t.test('the sample is a share of sessions, and a session is in it or not', async (t) => {
  const ids = Array.from({ length: 4_000 }, uuid);
  for (const share of [0, 0.25, 1]) {
    const found = ids.filter((id) => isSampled(id, share)).length / ids.length;
    t.ok(Math.abs(found - share) < 0.03, `${found} of ${share}`);
  }
});

t.test('the guard ends a recording that takes half a second of five, and no cheaper one', async (t) => {
  const observers: ((records: object[]) => void)[] = [];
  class Observer {
    constructor(callback: (records: object[]) => void) {
      observers.push(callback);
    }
    observe() {}
    disconnect() {}
  }
  Object.assign(globalThis, { MutationObserver: Observer, document: {} });
  const told: string[] = [];
  let pageMs = 0;
  mock.method(performance, 'now', () => pageMs);
  startGuard((reason) => told.push(reason)).recorderBegan();
  const [before, after] = observers;
  const mutate = (recorderMs: number, everyMs: number) => {
    before?.([{ addedNodes: [], removedNodes: [] }]);
    pageMs += recorderMs;
    after?.([]);
    pageMs += everyMs - recorderMs;
  };
  for (let at = 0; at < 100; at++) mutate(80, 1_000);
  t.same(told, []);
  for (let at = 0; at < 10; at++) mutate(80, 500);
  t.ok(told.length > 0 && told.every((reason) => reason === 'cost'), `${told}`);
});
