/** What keeps the disk from being filled: an app's replay budget of the hour, and floors of free space. */
import t from 'tap';
import { REPLAY_FREE_FILES } from '../../src/domain/limits.js';
import { startDiskWatch } from '../../src/store/disk-watch.js';
import { KEY, serve } from '../api/unit/server.js';
import { startCollector } from '../support/collector.js';
import { apps, ask, event, keyOf, postEvents, problemOf } from '../support/http.js';
import { chunk, manifest, postReplay } from '../support/replay.js';

const HUGE = Number.MAX_SAFE_INTEGER;
const HOUR = 3_600_000;
const BLOCK = 4_096;
const body = { app: 'inventory', key: keyOf('inventory'), events: [event()] };
const bytes = chunk('some recording');
const send = (url: string, seq: number, app = 'inventory') =>
  postReplay(url, `session=s_1&seq=${seq}&app=${app}`, bytes, keyOf(app));

t.test('an app has a budget of replay bytes an hour, of its own', async (t) => {
  const disk = { replay_bytes_per_hour: 2 * BLOCK };
  const c = await startCollector({ apps: apps('inventory', 'shop'), disk });
  t.teardown(() => c.close());
  for (const seq of [1, 2]) t.equal((await send(c.url, seq)).status, 204);
  const refused = await send(c.url, 3);
  problemOf(refused, 429);
  t.ok(Number(refused.headers['retry-after']) > 3_500);
  t.equal((await manifest(c.url, 's_1')).chunks.length, 2, 'and it is not stored');
  t.equal((await send(c.url, 1, 'shop')).status, 204, 'another app has its own');
  t.equal((await postEvents(c.url, body)).status, 204, 'events are no replays');
  problemOf(await postReplay(c.url, 'session=s_1&seq=4', bytes, 'wrong'), 401);
});

t.test('below the first floor replays stop and events go on', async (t) => {
  const c = await startCollector({ apps: apps('inventory'), disk: { replay_free_bytes: HUGE } });
  t.teardown(() => c.close());
  const refused = await send(c.url, 1);
  problemOf(refused, 507);
  t.ok(Number(refused.headers['retry-after']) > 0);
  t.equal((await postEvents(c.url, body)).status, 204);
  const { text } = await ask(c.url, '/metrics');
  t.match(text, /^spyglass_disk_takes_replays 0$/m);
  t.match(text, /^spyglass_disk_takes_events 1$/m);
  t.match(text, /^spyglass_disk_free_bytes \d/m);
});

t.test('below the second one events stop too, and reads go on', async (t) => {
  const c = await startCollector({ apps: apps('inventory'), disk: { events_free_bytes: HUGE } });
  t.teardown(() => c.close());
  const refused = await postEvents(c.url, body);
  problemOf(refused, 503);
  t.ok(Number(refused.headers['retry-after']) > 0);
  t.equal((await ask(c.url, '/v1/query/events')).status, 200);
  t.equal((await ask(c.url, '/readyz')).status, 200, 'it needs room, not a restart');
  t.match((await ask(c.url, '/metrics')).text, /^spyglass_disk_takes_events 0$/m);
});

t.test('the floors and the hour, to the byte, the file and the millisecond', async (t) => {
  const limits = { replay_bytes_per_hour: 10 * BLOCK, replay_free_bytes: 100, events_free_bytes: 50 };
  const watchAt = (bytes: number, files = HUGE) => {
    const watch = startDiskWatch('/nowhere', limits, () => ({ bytes, files }));
    watch.stop();
    return [watch.takesReplays(), watch.takesEvents()];
  };
  t.same(watchAt(100), [true, true]);
  t.same(watchAt(99), [false, true]);
  t.same(watchAt(50), [false, true]);
  t.same(watchAt(49), [false, false]);
  t.same(watchAt(100, REPLAY_FREE_FILES), [true, true]);
  t.same(watchAt(100, REPLAY_FREE_FILES - 1), [false, true], 'events make no files');
  const watch = startDiskWatch('/nowhere', limits);
  t.teardown(() => watch.stop());
  t.ok(watch.takesEvents(), 'a disk that does not tell is taken to have room');
  t.equal(watch.spend('a', 10 * BLOCK, 0), undefined);
  t.equal(watch.spend('a', 1, 1_000), 3_599);
  t.equal(watch.spend('a', 1, HOUR - 1), 1);
  t.equal(watch.spend('a', 10 * BLOCK + 1, HOUR), 3_600, 'more than an hour’s at once is never taken');
  t.equal(watch.spend('a', 10 * BLOCK, HOUR), undefined);
});

t.test('a chunk is charged what it takes of the disk, not what was sent', async (t) => {
  const disk = { replay_bytes_per_hour: 10 * BLOCK, replay_free_bytes: 0, events_free_bytes: 0 };
  const watch = startDiskWatch('/nowhere', disk);
  t.teardown(() => watch.stop());
  const taken = (bytes: number) => {
    let chunks = 0;
    while (watch.spend(`chunks of ${bytes}`, bytes) === undefined) chunks++;
    return chunks;
  };
  t.equal(taken(2), 10);
  t.equal(taken(BLOCK), 10);
  t.equal(taken(BLOCK + 1), 5);
});

t.test('a chunk that could not be stored is charged nothing', async (t) => {
  const limits = { replay_bytes_per_hour: BLOCK, replay_free_bytes: 0, events_free_bytes: 0 };
  const disk = startDiskWatch('/nowhere', limits);
  t.teardown(() => disk.stop());
  const { url, store } = await serve(t, { disk });
  const { putChunk } = store;
  const upload = (seq: number) => postReplay(url, `session=s&seq=${seq}`, bytes, KEY);
  store.putChunk = () => Promise.reject(new Error('no'));
  for (const seq of [1, 2]) problemOf(await upload(seq), 500);
  store.putChunk = putChunk;
  t.equal((await upload(3)).status, 204);
  t.match(problemOf(await upload(4), 429), { type: 'urn:spyglass:problem:replay_budget' });
});

t.test('a wall clock that is set moves no budget', async (t) => {
  const disk = { replay_bytes_per_hour: BLOCK, replay_free_bytes: 0, events_free_bytes: 0 };
  const watch = startDiskWatch('/nowhere', disk);
  t.teardown(() => watch.stop());
  watch.spend('a', 1);
  const wall = Date.now;
  for (const shift of [-48 * HOUR, 48 * HOUR]) {
    t.intercept(Date, 'now', { value: () => wall() + shift });
    const retryAfterS = watch.spend('a', 1) ?? 0;
    t.ok(retryAfterS > 3_000 && retryAfterS <= 3_600, `${retryAfterS}`);
  }
});

t.test('free files are in the metrics', async (t) => {
  const c = await startCollector({ apps: apps('inventory') });
  t.teardown(() => c.close());
  t.match((await ask(c.url, '/metrics')).text, /^spyglass_disk_free_files \d/m);
});
