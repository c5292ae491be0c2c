/** Reads the lines of an export back. */
import type { JsonText, NewEvent, StoredEvent } from '../../domain/event.js';
import { MAX_ID, MAX_TS } from '../../domain/limits.js';
import { validateEvents } from '../../ingest/exact-reader.js';
import { EXPORT_FORMAT, type ExportedBatchId, type ExportHeader, PROPS } from './export-format.js';

export type ExportLine =
  | { kind: 'header'; header: ExportHeader }
  | { kind: 'event'; event: StoredEvent }
  | { kind: 'batch'; batch: ExportedBatchId }
  | { kind: 'end'; head: number; events: number };

/** Reads a line back. Throws an `Error` that says what is wrong with it. */
export function parseLine(line: string): ExportLine {
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== 'object' || parsed === null) throw new Error('not an object');
  const fields = parsed as Record<string, unknown>;
  if ('spyglass_export' in fields) return { kind: 'header', header: parseHeader(fields) };
  if ('end' in fields)
    return { kind: 'end', head: integer(fields, 'end'), events: integer(fields, 'events') };
  if ('batch_id' in fields) return { kind: 'batch', batch: parseBatch(fields) };
  return { kind: 'event', event: parseEvent(fields, line) };
}

function parseHeader(fields: Record<string, unknown>): ExportHeader {
  const format = integer(fields, 'spyglass_export');
  if (format > EXPORT_FORMAT)
    throw new Error(
      `its format is ${format}; this release reads up to ${EXPORT_FORMAT}: run a newer spyglass`,
    );
  return { store: text(fields, 'store'), after: integer(fields, 'after'), head: integer(fields, 'head') };
}

function parseBatch(fields: Record<string, unknown>): ExportedBatchId {
  return {
    batchId: text(fields, 'batch_id'),
    app: text(fields, 'app'),
    receivedAt: integer(fields, 'received_at'),
    next: integer(fields, 'next'),
  };
}

function parseEvent(fields: Record<string, unknown>, line: string): StoredEvent {
  const errors: { path: string; message: string }[] = [];
  const [event] = validateEvents([fields], [propsText(fields, line)], errors);
  if (event === undefined) {
    const reasons = errors.map(({ path, message }) => `${path.replace('events[0].', '')} ${message}`);
    throw new Error(reasons.join(', '));
  }
  const stored: StoredEvent = { ...ordered(integer(fields, 'id'), text(fields, 'app'), event) };
  if (stored.id < 1) throw new Error('id must be at least 1');
  if (fields.client_ts !== undefined) stored.client_ts = integer(fields, 'client_ts', MAX_TS);
  return stored;
}

/** The fields in the order in which the log gives them, so that equal events make equal lines. */
function ordered(
  id: number,
  app: string,
  { ts, user_id, session_id, type, name, ...rest }: NewEvent,
): StoredEvent {
  return { id, ts, app, user_id, session_id, type, name, ...rest };
}

/**
 * The `props` as they stand in the line, so that no number loses a digit. A quote inside a JSON string is
 * escaped, so the first `,"props":` of a line of ours is the field's own; another tool's spelling is taken as
 * parsed.
 */
function propsText(fields: Record<string, unknown>, line: string): JsonText | undefined {
  if (fields.props === undefined || fields.props === null) return undefined;
  const at = line.indexOf(PROPS);
  const raw = at < 0 ? '' : line.slice(at + PROPS.length, line.lastIndexOf('}'));
  const isLast = Object.keys(fields).at(-1) === 'props' && raw.startsWith('{') && raw.endsWith('}');
  return (isLast ? raw : JSON.stringify(fields.props)) as JsonText;
}

function integer(fields: Record<string, unknown>, name: string, max: number = MAX_ID): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw new Error(`${name} must be a whole number`);
}

function text(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Error(`${name} must be a string`);
}
