/** Reads server-sent events as the HTML standard describes them, one frame at a time. */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

export interface Frame {
  id?: string;
  event?: string;
  data?: string;
}

export interface EventStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Every frame so far. */
  readonly frames: readonly Frame[];
  /** The first frame, among those come and those to come, that fits; rejects when the stream ends without one. */
  find(fits: (frame: Frame) => boolean): Promise<Frame>;
  close(): void;
}

/** Opens a stream; settles when its headers have come. */
export function openStream(
  base: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const sent = request(base + path, { agent: false, headers: { accept: 'text/event-stream', ...headers } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const frames: Frame[] = [];
      const waiting = new Set<() => void>();
      let text = '';
      let ended = false;
      const wake = () => {
        for (const look of [...waiting]) look();
      };
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece.replace(/\r\n?/g, '\n');
        for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
          const frame = parseFrame(text.slice(0, end));
          if (Object.keys(frame).length > 0) frames.push(frame);
          text = text.slice(end + 2);
        }
        wake();
      });
      response.on('close', () => {
        ended = true;
        wake();
      });
      response.on('error', () => {}); // a stream that is cut ends by `close`
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        frames,
        find: (fits) =>
          new Promise((found, lost) => {
            const look = () => {
              const frame = frames.find(fits);
              if (frame === undefined && !ended) return;
              waiting.delete(look);
              if (frame) found(frame);
              else lost(new Error(`the stream ended after ${JSON.stringify(frames.slice(-3))}`));
            };
            waiting.add(look);
            look();
          }),
        close: () => sent.destroy(),
      });
    });
    sent.end();
  });
}

function parseFrame(text: string): Frame {
  const frame: Frame = {};
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id' || field === 'event') frame[field] = value;
    if (field === 'data') frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`;
  }
  return frame;
}
