/** Writes the events of a store out, in order of arrival, as lines of JSON; beside a live collector too. */

import { openLog } from '../../log/batches/log.js';
import { type SeenBatch, seenBatches, seenKey } from '../../log/batches/seen.js';
import { openEnv } from '../../log/file/env.js';
import { servingViews } from '../../projections/engine/serving.js';
import { PROJECTIONS } from '../../projections/registry.js';
import { openReads } from '../answers/index.js';
import { batchLine, endLine, eventLine, headerLine } from './export-format.js';
import { settleStore } from './settle.js';

/** Rows read under one snapshot; a reader that waits for its consumer must not hold one. */
const PAGE_ROWS = 1_000;

export interface ExportProgress {
  /** Greatest id written so far. */
  id: number;
  head: number;
}

/**
 * The lines of an export of every event with an id greater than `after`, as of now; a page at a time, each ending in
 * a line break. Throws `StoreUnusable`, and `RangeError` for an `after` beyond the head.
 */
export async function* exportPages(
  dataDir: string,
  after: number,
  onProgress: (progress: ExportProgress) => void,
): AsyncGenerator<string> {
  await settleStore(dataDir);
  const env = openEnv(dataDir, { mode: 'read' });
  try {
    const log = openLog(env);
    const { tail } = openReads(servingViews(env, log, PROJECTIONS), log);
    const head = log.head();
    if (after > head) throw new RangeError(`the store ends at id ${head}: there is nothing after ${after}`);
    yield `${headerLine({ store: log.storeId, after, head })}\n`;

    let events = 0;
    for (let last = after; last < head; ) {
      env.renewSnapshot();
      const page = tail(last, PAGE_ROWS);
      const due = page.events.filter(({ id }) => id <= head);
      events += due.length;
      last = Math.min(Math.max(page.next, last + 1), head);
      if (due.length > 0) yield due.map((event) => `${eventLine(event)}\n`).join('');
      onProgress({ id: last, head });
    }

    const { seen } = log.tables;
    for (let from: Buffer | undefined = Buffer.alloc(0); from !== undefined; ) {
      env.renewSnapshot();
      const page: SeenBatch[] = [...seenBatches(seen, { start: from, limit: PAGE_ROWS })];
      const last = page.at(-1);
      from = last && page.length === PAGE_ROWS ? keyAfter(last) : undefined;
      // A batch that arrived after `head` was read comes with the next export, as its events do.
      const due = page.filter(({ offset }) => offset <= head + 1);
      if (due.length > 0) yield due.map((row) => `${batchLine(toExported(row))}\n`).join('');
    }
    yield `${endLine(head, events)}\n`;

    function toExported({ app, batchId, receivedAt, offset }: SeenBatch) {
      return { batchId, app: log.dictionaries.text('app', app), receivedAt, next: offset };
    }
  } finally {
    await env.close();
  }
}

/** The least key greater than a row's. */
function keyAfter({ app, batchId }: SeenBatch): Buffer {
  return Buffer.concat([seenKey(app, batchId), Buffer.from([0])]);
}
