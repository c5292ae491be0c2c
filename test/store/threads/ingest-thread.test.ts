/** The ingest thread by itself, with a test in the place of the writer: what it says of groups nobody takes into the tables. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import t from 'tap';
import type { IngestMessage } from '../../../src/ingest/messages.js';
import { commitOf } from '../../../src/log/wal/commit-group.js';
import type {
  CommitGroupMessage,
  FromIngest,
  IngestData,
  IngestedMessage,
} from '../../../src/store/threads/messages.js';
import { newMeterMemory, openMeters, threadsClock } from '../../../src/telemetry/meters.js';
import { event } from '../../support/http.js';

t.test('groups that wait for a stuck writer show, from the first one on, until it takes them', async (t) => {
  const { port1, port2 } = new MessageChannel();
  const meterMemory = newMeterMemory();
  const meters = openMeters(meterMemory);
  const data: IngestData = {
    dataDir: t.testdir({}),
    apps: { inventory: { key: 'k', origins: [] } },
    limits: { body_bytes: 10_000, chunk_bytes: 10_000, events_per_minute: 0 },
    gone: new Uint8Array(new SharedArrayBuffer(1)),
    meterMemory,
    writer: port2,
  };
  const thread = new Worker(new URL('../../../src/store/threads/ingest-thread.js', import.meta.url), {
    workerData: data,
    transferList: [port2],
  });
  t.teardown(() => thread.terminate());
  port1.postMessage({ kind: 'opened' });
  for (let isReady = false; !isReady; ) {
    const [message] = (await once(thread, 'message')) as [FromIngest];
    isReady = message.kind === 'ready';
  }

  const began = threadsClock();
  const groups: Buffer[] = [];
  port1.on('message', ({ bytes }: CommitGroupMessage) => groups.push(Buffer.from(bytes)));
  for (let sent = 1; sent <= 2; sent++) {
    const bytes = new Uint8Array(
      Buffer.from(JSON.stringify({ app: 'inventory', key: 'k', events: [event()] })),
    );
    const columns = {
      lengths: [bytes.length],
      receivedAt: [Date.now()],
      places: [0],
      senders: [0],
      headers: [],
    };
    thread.postMessage({ kind: 'ingest', bytes, ...columns } satisfies IngestMessage);
    const [answer] = (await once(thread, 'message')) as [IngestedMessage];
    t.match(answer, { kind: 'ingested', places: [0], refusals: [] }, 'it is durable all the same');
    const { unapplied_commits, unapplied_since } = meters.read();
    t.equal(unapplied_commits, sent);
    t.ok(unapplied_since >= began && unapplied_since <= threadsClock());
  }
  while (groups.length < 2) await once(port1, 'message');
  const [first, second] = groups;
  t.equal(meters.read().unapplied_bytes, (first?.length ?? 0) + (second?.length ?? 0));

  const applied = async (group: Buffer | undefined): Promise<void> => {
    const { unapplied_commits: before } = meters.read();
    port1.postMessage({ kind: 'applied', commit: commitOf(group ?? Buffer.alloc(0)), head: 1 });
    while (meters.read().unapplied_commits === before) await sleep(5);
  };
  await applied(first);
  t.match(meters.read(), { unapplied_commits: 1, unapplied_bytes: second?.length });
  await applied(second);
  t.match(meters.read(), { unapplied_commits: 0, unapplied_bytes: 0, unapplied_since: 0 });
  port1.close();
});
