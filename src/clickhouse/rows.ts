/** Events as rows of the table `events`, and back. */
import { createHash } from 'node:crypto';
import { frameOf, groupHash } from '../domain/error-grouping.js';
import { EVENT_TYPES, type NewEvent, type StoredEvent } from '../domain/event.js';
import { hourOf } from '../domain/utc.js';
import { ANSWER_BOUNDS, withoutProps } from '../questions/bounds.js';

export const ERROR = EVENT_TYPES.indexOf('error');

export type EventRow = ReturnType<typeof toRow>;

/** All fields of an event, and its identity. */
export const EVENT_COLUMNS =
  'id, ts, app, user_id, session_id, type, name, url, props, has_person, person_name, person_email, client_ts, batch, idx';

/** Larger props are left out of a listing, and asked for one by one where its answer has room for them. */
const SHORT_PROPS_BYTES = 16_384;

/** The same, with props only up to so many bytes, and how large they are. */
export const columnsUpTo = (propsBytes: number): string =>
  EVENT_COLUMNS.replace(
    ' props,',
    ` if(length(props) > ${propsBytes}, NULL, props) AS short_props, ifNull(length(props), 0) AS props_bytes,`,
  );

export const LISTED_COLUMNS = columnsUpTo(SHORT_PROPS_BYTES);

/** What an event's texts weigh; props of over so many bytes weigh nothing. */
export const textBytes = (propsBytes: number): string =>
  `length(name) + ifNull(length(url), 0) + if(length(props) > ${propsBytes}, 0, ifNull(length(props), 0))`;

export interface ListedRow extends Omit<ReadRow, 'props'> {
  short_props: ReadRow['props'];
  props_bytes: number;
}

export const hasLongProps = ({ short_props, props_bytes }: ListedRow): boolean =>
  short_props === null && props_bytes > 0;

export type ReadRow = Omit<EventRow, 'hour' | 'error_group' | 'frame'>;

/** A short name for some texts: 128 bits of their SHA-256, base64url. */
export const digest = (...texts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest().subarray(0, 16).toString('base64url');

/** The id of an error group, the same as the embedded engine's. */
export const groupId = (app: string, name: string, frame: string): string =>
  `${app}.${groupHash(name, frame)}`;

/** `error_group` and `frame` are empty for all events but errors. */
export function toRow(app: string, event: NewEvent, id: number, identity: { batch: string; idx: number }) {
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
  const user = {
    ...(person_name === null ? {} : { name: person_name }),
    ...(person_email === null ? {} : { email: person_email }),
  };
  return {
    id: row.id,
    ts: row.ts,
    app: row.app,
    user_id: row.user_id,
    session_id: row.session_id,
    type: EVENT_TYPES[row.type] ?? 'event',
    name: row.name,
    ...(url === null ? {} : { url }),
    ...(props === null ? {} : { props }),
    ...(row.has_person ? { user } : {}),
    ...(client_ts === null ? {} : { client_ts }),
  };
}

/** The event without its long props; without those too large for any answer for good. */
export function shortEvent({ short_props, props_bytes, ...row }: ListedRow): StoredEvent {
  const event = toEvent({ ...row, props: short_props });
  return props_bytes > ANSWER_BOUNDS.propsBytes ? withoutProps(event) : event;
}

/** Of rows with the same identity only the one with the least id. */
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
