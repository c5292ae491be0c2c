/** Writes the events of a store out, in order of arrival, as lines of JSON, a page at a time. */
import type { Log } from '../../log/batches/log.js';
import { type SeenBatchId, seenBatchIds, seenKey } from '../../log/batches/seen.js';
import type { Reads } from '../answers/index.js';
import type { OnProgress } from '../port.js';
import { batchIdLine, endLine, eventLine, headerLine } from './export-format.js';

/** Rows of a page. */
const PAGE_ROWS = 1_000;

/** Where an export continues: after an id, up to the head of its first page, then among the `batch_id`s. */
export interface ExportPosition {
  after: number;
  head?: number;
  /** Written so far. */
  events?: number;
  /** Key of `seen` to begin with. */
  batches?: Uint8Array;
}

export interface ExportPage {
  /** Whole lines, each with its line break. */
  text: string;
  /** Of the next page; absent after the last. */
  next?: ExportPosition & { head: number };
}

/** One page, read from one snapshot: whoever waits for a consumer must not hold one. */
export function exportPage(tail: Reads['tail'], log: Log, position: ExportPosition): ExportPage {
  // A request of which only a part is in the tables is not begun.
  const { after, head = (log.begunAt() ?? log.head() + 1) - 1, events = 0 } = position;
  if (position.head === undefined)
    return { text: `${headerLine({ store: log.storeId, after, head })}\n`, next: { after, head } };
  if (after < head) {
    const page = tail(after, PAGE_ROWS);
    const due = page.events.filter(({ id }) => id <= head);
    const next = { after: Math.min(Math.max(page.next, after + 1), head), head, events: events + due.length };
    return { text: due.map((event) => `${eventLine(event)}\n`).join(''), next };
  }
  const start = Buffer.from(position.batches ?? []);
  const page = [...seenBatchIds(log.tables.seen, { start, limit: PAGE_ROWS })];
  const toLine = ({ app, batchId, receivedAt, offset }: SeenBatchId): string =>
    `${batchIdLine({ batchId, app: log.dictionaries.text('app', app), receivedAt, next: offset })}\n`;
  // A batch that arrived after `head` was read comes with the next export, as its events do.
  const due = page.filter(({ offset }) => offset <= head + 1);
  const text = due.map(toLine).join('');
  const last = page.at(-1);
  return last !== undefined && page.length === PAGE_ROWS
    ? { text, next: { after, head, events, batches: keyAfter(last) } }
    : { text: `${text}${endLine(head, events)}\n` };
}

/** The least key greater than a row's. */
function keyAfter({ app, batchId }: SeenBatchId): Buffer {
  return Buffer.concat([seenKey(app, batchId), Buffer.from([0])]);
}

/**
 * The lines of an export of every event with an id greater than `after`, as of its first page. Throws
 * `RangeError` for an `after` beyond the head.
 */
export async function* exportPages(
  page: (position: ExportPosition) => Promise<ExportPage>,
  after: number,
  onProgress: OnProgress,
): AsyncGenerator<string> {
  for (let position: ExportPosition | undefined = { after }; position !== undefined; ) {
    const { text, next }: ExportPage = await page(position);
    if (next !== undefined) {
      if (after > next.head)
        throw new RangeError(`the store ends at id ${next.head}: there is nothing after ${after}`);
      onProgress({ done: next.after, total: next.head });
    }
    if (text !== '') yield text;
    position = next;
  }
}
