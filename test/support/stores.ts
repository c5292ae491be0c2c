/** Stores on disk for tests of what works on them offline. */
import assert from 'node:assert/strict';
import { type DemoSession, month } from '../../src/demo/month.js';
import { record } from '../../src/demo/recording.js';
import type { EventRequest, JsonText, NewEvent } from '../../src/domain/event.js';
import { openLmdbStore } from '../../src/store/open-in-process.js';

/** Fills the store in a folder with a made-up week and some replays, and closes it again; returns how many events. */
export async function fillStore(
  dataDir: string,
  options: { users?: number; app?: string; seed?: number } = {},
): Promise<number> {
  const { users = 12, app = 'inventory', seed = 5 } = options;
  const store = await openLmdbStore({ dataDir });
  const now = Date.now();
  const recorded: DemoSession[] = [];
  try {
    let events = 0;
    for (const { batches, sessions } of month({ seed, users, days: 7, until: now })) {
      const requests = batches.map(
        (batch): EventRequest => ({
          app,
          batchId: batch.batchId,
          receivedAt: now,
          events: batch.events.map(
            ({ props, ...event }): NewEvent =>
              props === undefined ? event : { ...event, props: JSON.stringify(props) as JsonText },
          ),
        }),
      );
      for (const settled of await store.append(requests)) assert.equal(settled.status, 'fulfilled');
      events += batches.reduce((sum, batch) => sum + batch.events.length, 0);
      recorded.push(...sessions.slice(0, 2));
    }
    for (const session of recorded) {
      for (const chunk of record(session)) await store.putChunk({ app, ...chunk, receivedAt: now });
    }
    return events;
  } finally {
    await store.close();
  }
}
