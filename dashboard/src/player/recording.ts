/** rrweb's events, as far as the player reads them, and the console lines among them. */

export const FULL_SNAPSHOT = 2;
export const INCREMENTAL = 3;
const META = 4;
const PLUGIN = 6;
const TYPE_MAX = 6;
const CONSOLE_PLUGIN = 'rrweb/console@1';

/** An rrweb event; its `data` are not validated. */
export interface RecordedEvent {
  type: number;
  timestamp: number;
  data: Record<string, unknown>;
}

/** A line of the recorded page's console. */
export interface ConsoleLine {
  ts: number;
  level: 'error' | 'warn' | 'info' | 'log' | 'debug';
  text: string;
  trace: string[];
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The events of a chunk in the order in which they were recorded, without what is no event. */
export function readEvents(chunk: unknown): RecordedEvent[] {
  if (!Array.isArray(chunk)) return [];
  return chunk.filter(
    (event): event is RecordedEvent =>
      isObject(event) &&
      Number.isInteger(event.type) &&
      (event.type as number) >= 0 &&
      (event.type as number) <= TYPE_MAX &&
      Number.isFinite(event.timestamp) &&
      isObject(event.data),
  );
}

/** Whether a full snapshot was taken by that time. */
export const hasPictureBy = (events: readonly RecordedEvent[], ts: number): boolean =>
  events.some(({ type, timestamp }) => type === FULL_SNAPSHOT && timestamp <= ts);

export const hasPicture = (events: readonly RecordedEvent[]): boolean =>
  events.some(({ type }) => type === FULL_SNAPSHOT);

/** The size of the recorded window, px. */
export function sizeIn(events: readonly RecordedEvent[]): { width: number; height: number } | undefined {
  const meta = events.find(({ type }) => type === META)?.data;
  const { width, height } = meta ?? {};
  return isSide(width) && isSide(height) ? { width, height } : undefined;
}

export const isSide = (value: unknown): value is number =>
  typeof value === 'number' && value >= 1 && value <= 20_000;

/** The console's lines, where they were recorded. */
export function consoleLines(events: readonly RecordedEvent[]): ConsoleLine[] {
  return events.flatMap(({ type, timestamp: ts, data }) => {
    if (type !== PLUGIN || data.plugin !== CONSOLE_PLUGIN || !isObject(data.payload)) return [];
    const { level, payload, trace } = data.payload;
    const parts = Array.isArray(payload) ? payload : [];
    return [{ ts, level: toLevel(level), text: parts.map(unquote).join(' '), trace: texts(trace) }];
  });
}

function toLevel(level: unknown): ConsoleLine['level'] {
  if (level === 'error' || level === 'assert') return 'error';
  return level === 'warn' || level === 'info' || level === 'debug' ? level : 'log';
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((part) => typeof part === 'string') : [];

/** The recorder writes each argument as JSON, texts in quotes. */
function unquote(part: unknown): string {
  if (typeof part !== 'string') return String(JSON.stringify(part));
  if (!part.startsWith('"')) return part;
  try {
    return String(JSON.parse(part));
  } catch {
    return part;
  }
}
