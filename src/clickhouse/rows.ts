/** An event as a row of the engine's `events`, and back. */
import { createHash } from 'node:crypto';
import { frameOf, groupHash } from '../domain/error-grouping.js';
import { EVENT_TYPES, type JsonText, type NewEvent, type StoredEvent } from '../domain/event.js';
import { hourOf } from '../domain/utc.js';

export const ERROR = EVENT_TYPES.indexOf('error');

export interface EventRow {
  hour: number;
  user_id: string;
  app: string;
  ts: number;
  id: number;
  session_id: string;
  type: number;
  name: string;
  url: string | null;
  props: string | null;
  has_person: number;
  person_name: string | null;
  person_email: string | null;
  client_ts: number | null;
  /** An error's; empty for other events. */
  error_group: string;
  frame: string;
  batch: string;
  idx: number;
}

/** Everything an event is made of, and its identity. */
export const EVENT_COLUMNS =
  'id, ts, app, user_id, session_id, type, name, url, props, has_person, person_name, person_email, client_ts, batch, idx';

export type ReadRow = Omit<EventRow, 'hour' | 'error_group' | 'frame'>;

/** A short name for texts together: 128 bits of their SHA-256. */
export const digest = (...texts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest().subarray(0, 16).toString('base64url');

/** A group's name to the outside, as the embedded engine gives it. */
export const groupId = (app: string, name: string, frame: string): string =>
  `${app}.${groupHash(name, frame)}`;

export function toRow(
  app: string,
  event: NewEvent,
  id: number,
  identity: { batch: string; idx: number },
): EventRow {
  const { ts, user_id, session_id, type, name, url, props, user, client_ts } = event;
  const frame = type === 'error' ? frameOf(props) : '';
  return {
    hour: hourOf(ts),
    user_id,
    app,
    ts,
    id,
    session_id,
    type: EVENT_TYPES.indexOf(type),
    name,
    url: url ?? null,
    props: props ?? null,
    has_person: user === undefined ? 0 : 1,
    person_name: user?.name ?? null,
    person_email: user?.email ?? null,
    client_ts: client_ts ?? null,
    error_group: type === 'error' ? groupId(app, name, frame) : '',
    frame,
    ...identity,
  };
}

export function toEvent(row: ReadRow): StoredEvent {
  const { url, props, person_name, person_email, client_ts } = row;
  return {
    id: Number(row.id),
    ts: Number(row.ts),
    app: row.app,
    user_id: row.user_id,
    session_id: row.session_id,
    type: EVENT_TYPES[row.type] ?? 'event',
    name: row.name,
    ...(url === null ? {} : { url }),
    ...(props === null ? {} : { props: props as JsonText }),
    ...(row.has_person
      ? {
          user: {
            ...(person_name === null ? {} : { name: person_name }),
            ...(person_email === null ? {} : { email: person_email }),
          },
        }
      : {}),
    ...(client_ts === null ? {} : { client_ts: Number(client_ts) }),
  };
}

/** Of rows of one identity the one with the least id. */
export function withoutRepeats<Row extends { id: number; batch: string; idx: number }>(
  rows: readonly Row[],
): Row[] {
  const least = new Map<string, Row>();
  for (const row of rows) {
    const identity = `${row.batch}/${row.idx}`;
    const known = least.get(identity);
    if (!known || row.id < known.id) least.set(identity, row);
  }
  return least.size === rows.length ? [...rows] : [...least.values()];
}
