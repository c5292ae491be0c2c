/** Every figure an operator is to be woken by: it moves when the thing happens, and by as much. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openMeters, threadsClock } from '../../src/telemetry/meters.js';
import { serve } from '../api/unit/server.js';
import { startCollector } from '../support/collector.js';
import { apps, ask, event, keyOf, NOON, postEvents, store } from '../support/http.js';
import { chunk, postReplay, upload } from '../support/replay.js';
import { growth, scrape } from '../support/scrape.js';
import { openStream } from '../support/sse.js';

const c = await startCollector({ apps: apps('inventory', 'shop'), limits: { events_per_minute: 300 } });
t.teardown(() => c.close());

/** Runs something between two scrapes; tells how much a series grew. */
async function during(run: () => Promise<unknown>): Promise<(series: string) => number> {
  const before = await scrape(c.url);
  await run();
  const after = await scrape(c.url);
  return (series) => growth(before, after, series);
}

t.test('what is stored is counted as answers, batches, events, commits, and their times', async (t) => {
  const grew = await during(async () => {
    await store(c.url, 'inventory', [event(), event()]);
    await store(c.url, 'shop', [event()]);
    // A read waits until the tables have what was acknowledged.
    await ask(c.url, '/v1/query/events?limit=1');
  });
  t.equal(grew('spyglass_ingest_requests_total{route="events",status="204"}'), 2);
  t.equal(grew('spyglass_ingest_request_duration_seconds_count{route="events"}'), 2);
  t.equal(grew('spyglass_ingest_request_duration_seconds_bucket{route="events",le="+Inf"}'), 2);
  t.ok(grew('spyglass_ingest_request_duration_seconds_sum{route="events"}') > 0);
  t.equal(grew('spyglass_store_committed_batches_total'), 2);
  t.equal(grew('spyglass_store_committed_events_total'), 3);
  t.equal(grew('spyglass_store_head'), 3);
  t.equal(grew('spyglass_store_commits_total'), 2);
  t.equal(grew('spyglass_store_commit_duration_seconds_count'), 2);
  t.equal(grew('spyglass_store_group_requests_count'), 2);
  t.equal(grew('spyglass_store_group_requests_sum'), 2);
  t.equal(grew('spyglass_store_sync_duration_seconds_count'), 2);
  t.ok(grew('spyglass_store_apply_duration_seconds_count') >= 1);
  for (const name of ['commit', 'sync', 'apply'])
    t.ok(grew(`spyglass_store_${name}_duration_seconds_sum`) > 0, name);
  t.ok(
    grew('spyglass_store_commit_duration_seconds_sum') >= grew('spyglass_store_sync_duration_seconds_sum'),
    'a commit takes its sync and more',
  );
});

t.test('many at once share a commit', async (t) => {
  const grew = await during(() =>
    Promise.all(Array.from({ length: 40 }, () => store(c.url, 'inventory', [event()]))),
  );
  t.equal(grew('spyglass_store_group_requests_sum'), 40);
  t.equal(grew('spyglass_store_group_requests_count'), grew('spyglass_store_commits_total'));
  t.ok(
    grew('spyglass_store_group_requests_bucket{le="1"}') <=
      grew('spyglass_store_group_requests_bucket{le="+Inf"}'),
  );
});

t.test('a retry is a dedupe, and what is turned away is counted by its reason', async (t) => {
  const once = { batch_id: 'batch-of-the-metrics' };
  const bad = { app: 'inventory', key: 'wrong', events: [event()] };
  const grew = await during(async () => {
    await store(c.url, 'inventory', [event()], once);
    await store(c.url, 'inventory', [event()], once);
    await postEvents(c.url, bad);
    await postEvents(c.url, '{');
    const many = Array.from({ length: 301 }, () => event());
    await postEvents(c.url, { app: 'shop', key: keyOf('shop'), events: many });
    await postReplay(c.url, 'session=s&seq=1', Buffer.from('no gzip'), keyOf('shop'));
  });
  t.equal(grew('spyglass_store_deduplicated_batches_total'), 1);
  t.equal(grew('spyglass_store_remembered_batches'), 1, 'the one that was sent twice');
  t.equal(grew('spyglass_ingest_refusals_total{route="events",code="unauthorized_app"}'), 1);
  t.equal(grew('spyglass_ingest_refusals_total{route="events",code="invalid_json"}'), 1);
  t.equal(grew('spyglass_ingest_refusals_total{route="events",code="rate_limited"}'), 1);
  t.equal(grew('spyglass_ingest_refusals_total{route="replay",code="invalid_chunk"}'), 1);
  t.equal(grew('spyglass_ingest_requests_total{route="events",status="429"}'), 1);
});

t.test('replays are counted, replaced ones once, expired ones no more', async (t) => {
  const [small, large] = [chunk('x'), chunk('y'.repeat(50) + Math.random())];
  const grew = await during(async () => {
    await upload(c.url, { app: 'shop', session: 's_1', seq: 1 }, small);
    await upload(c.url, { app: 'shop', session: 's_1', seq: 2 }, small);
    await upload(c.url, { app: 'shop', session: 's_1', seq: 2 }, large);
  });
  t.equal(grew('spyglass_ingest_requests_total{route="replay",status="204"}'), 3);
  t.equal(grew('spyglass_ingest_request_duration_seconds_count{route="replay"}'), 3);
  t.equal(grew('spyglass_store_chunks'), 2);
  t.equal(grew('spyglass_store_chunk_bytes'), small.length + large.length);
  await c.restart();
  const again = await scrape(c.url);
  t.equal(again.get('spyglass_store_chunks'), 2, 'after a restart too');
  t.equal(again.get('spyglass_store_chunk_bytes'), small.length + large.length);
  await c.store.sweep({ replaysBefore: Date.now() + 86_400_000 });
  const swept = await scrape(c.url);
  t.equal(swept.get('spyglass_store_chunks'), 0);
  t.equal(swept.get('spyglass_store_chunk_bytes'), 0);
});

t.test('files, the disk, readers of the feed, and what a sweep makes too late', async (t) => {
  await store(c.url, 'inventory', [event()]);
  const stream = await openStream(c.url, '/v1/stream');
  const now = await scrape(c.url);
  t.equal(now.get('spyglass_stream_readers'), 1);
  stream.close();
  const size = (name: string) => statSync(join(c.dataDir, name)).size;
  t.equal(now.get('spyglass_store_journal_bytes'), size('journal-a.bin') + size('journal-b.bin'));
  t.ok((now.get('spyglass_store_journal_bytes') ?? 0) > 0);
  t.equal(now.get('spyglass_store_file_bytes'), size('spyglass.mdb'));
  t.ok((now.get('spyglass_disk_free_bytes') ?? 0) > 0);
  await c.store.sweep({ eventsBefore: NOON });
  const grew = await during(() => store(c.url, 'inventory', [event({ ts: NOON - 86_400_000 })]));
  t.equal(grew('spyglass_store_late_events_total'), 1);
});

t.test('reads are timed by route, never by what was asked for', async (t) => {
  const grew = await during(async () => {
    await ask(c.url, '/v1/query/events?user=somebody-special');
    await ask(c.url, '/v1/sessions/session-special/replay');
    await ask(c.url, '/no/such/special/page', { method: 'PROPFIND' });
  });
  const series = (route: string, method: string, status: number) =>
    `spyglass_http_request_duration_seconds_count{route="${route}",method="${method}",status="${status}"}`;
  t.equal(grew(series('/v1/query/events', 'GET', 200)), 1);
  t.equal(grew(series('/v1/sessions/:id/replay', 'GET', 404)), 1);
  t.equal(grew(series('unknown', 'other', 405)), 1);
  const names = [...(await scrape(c.url)).keys()];
  t.notMatch(names.join('\n'), /special/);
  t.ok(names.some((name) => name.startsWith('nodejs_eventloop_lag_p99_seconds')));
});

t.test('what is durable and not in the tables yet shows', async (t) => {
  let seen = 0;
  for (let tries = 0; tries < 500 && seen === 0; tries++) {
    const sending = Promise.all(
      Array.from({ length: 8 }, () => store(c.url, 'inventory', [event()], {}).catch(() => {})),
    );
    seen = Number((await scrape(c.url)).get('spyglass_store_unapplied_commits'));
    await sending;
  }
  t.ok(seen > 0, 'once at least');
});

t.test('the threads’ gauges and histograms as they are measured', async (t) => {
  const meters = openMeters();
  meters.set('unapplied_commits', 3);
  meters.set('unapplied_bytes', 4_567);
  meters.set('unapplied_since', threadsClock() - 2_500);
  for (const seconds of [0.0005, 0.00051, 0.7, 99]) meters.sync_seconds.observe(seconds);
  const { url } = await serve(t, {
    meters,
    walBytes: () => 8_192,
    erasuresPending: () => [],
    reloads: () => ({ applied: 2, refused: 1 }),
  });
  const now = await scrape(url);
  for (const [series, value] of [
    ['spyglass_store_unapplied_commits', 3],
    ['spyglass_store_unapplied_bytes', 4_567],
    ['spyglass_store_journal_bytes', 8_192],
    ['spyglass_config_reloads_total{result="applied"}', 2],
    ['spyglass_config_reloads_total{result="refused"}', 1],
    ['spyglass_store_sync_duration_seconds_bucket{le="0.0005"}', 1],
    ['spyglass_store_sync_duration_seconds_bucket{le="0.001"}', 2],
    ['spyglass_store_sync_duration_seconds_bucket{le="0.5"}', 2],
    ['spyglass_store_sync_duration_seconds_bucket{le="1"}', 3],
    ['spyglass_store_sync_duration_seconds_bucket{le="5"}', 3],
    ['spyglass_store_sync_duration_seconds_bucket{le="+Inf"}', 4],
    ['spyglass_store_sync_duration_seconds_count', 4],
    ['spyglass_build_info{version="1.2.3"}', 1],
  ] as const) {
    t.equal(now.get(series), value, series);
  }
  const unapplied = now.get('spyglass_store_unapplied_seconds') ?? 0;
  t.ok(unapplied >= 2.5 && unapplied < 60, `${unapplied} s`);
  meters.set('unapplied_since', 0);
  t.equal((await scrape(url)).get('spyglass_store_unapplied_seconds'), 0);
});

t.test('names are as Prometheus wants them', async (t) => {
  const { text } = await ask(c.url, '/metrics');
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]),
  );
  for (const [name, type] of types) {
    if (!name.startsWith('spyglass_')) continue;
    t.match(text, new RegExp(`^# HELP ${name} [A-Z]`, 'm'));
    t.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
    t.notMatch(name, /_(ms|millis|kb|mb|count|sum|bucket)$/);
    if (type === 'histogram') t.match(name, /_(seconds|requests)$/);
  }
  t.ok([...types.keys()].filter((name) => name.startsWith('spyglass_')).length > 25);
});

t.test('a store that does not answer leaves the other figures', async (t) => {
  const { url, store: fake } = await serve(t);
  fake.stats = () => new Promise(() => {});
  const now = await scrape(url);
  t.equal(now.get('spyglass_store_failed'), 0);
  t.ok(now.has('spyglass_store_unapplied_seconds'));
});
