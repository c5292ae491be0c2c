/** Recordings for tests, put together event by event, and their upload. */
import { gzipSync } from 'node:zlib';
import { type Upload, upload } from '../support/replay.js';

export interface RecordedEvent {
  type: number;
  timestamp: number;
  data: object;
}

export const WINDOW = { width: 1_000, height: 600 };

/** Any tree of rrweb's nodes. */
export type RecordedNode = object;

export const meta = (timestamp: number): RecordedEvent => ({
  type: 4,
  timestamp,
  data: { href: 'http://app.example/', ...WINDOW },
});

export const picture = (timestamp: number, node: RecordedNode): RecordedEvent => ({
  type: 2,
  timestamp,
  data: { node, initialOffset: { left: 0, top: 0 } },
});

export const change = (timestamp: number, data: object): RecordedEvent => ({ type: 3, timestamp, data });

export const consoleLine = (timestamp: number, level: string, ...payload: unknown[]): RecordedEvent => ({
  type: 6,
  timestamp,
  data: {
    plugin: 'rrweb/console@1',
    payload: { level, payload: payload.map((part) => JSON.stringify(part)), trace: [] },
  },
});

/** A page that says one thing, in an element with the id 5 (its text has 6). */
export const saying = (text: string): RecordedNode => ({
  type: 0,
  id: 1,
  childNodes: [
    {
      ...{ type: 2, id: 2, tagName: 'html', attributes: {} },
      childNodes: [
        { type: 2, id: 3, tagName: 'head', attributes: {}, childNodes: [] },
        {
          ...{ type: 2, id: 4, tagName: 'body', attributes: {} },
          childNodes: [
            {
              ...{ type: 2, id: 5, tagName: 'h1', attributes: {} },
              childNodes: [{ type: 3, id: 6, textContent: text }],
            },
          ],
        },
      ],
    },
  ],
});

/** Another text for the page above. */
export const nowSaying = (timestamp: number, value: string): RecordedEvent =>
  change(timestamp, { source: 0, texts: [{ id: 6, value }], attributes: [], removes: [], adds: [] });

export async function uploadEvents(
  base: string,
  where: Omit<Upload, 'ts'>,
  events: readonly unknown[],
): Promise<void> {
  const [first] = events as RecordedEvent[];
  const bytes = gzipSync(JSON.stringify(events));
  await upload(base, { ...where, ...(first === undefined ? {} : { ts: first.timestamp }) }, bytes);
}
