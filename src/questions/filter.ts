/** The filter of events: tested on an event, on the columns of a record batch, and as a condition in SQL. */
import { type EventType, type StoredEvent, typeCode } from '../domain/event.js';

export interface EventFilter {
  /** The apps that the reader asked for and may see; absent for all. */
  apps?: readonly string[];
  user?: string;
  type?: EventType;
  session?: string;
}

export function matches(event: StoredEvent, { apps, user, type, session }: EventFilter): boolean {
  return (
    (user === undefined || event.user_id === user) &&
    (type === undefined || event.type === type) &&
    (apps === undefined || apps.includes(event.app)) &&
    (session === undefined || event.session_id === session)
  );
}

/** The filter in the numbers of a log's dictionaries. */
export interface ColumnFilter {
  apps: readonly number[] | undefined;
  user: number | undefined;
  session: string | undefined;
  type: number | undefined;
}

/** `undefined` where the filter names something that never occurred, so that nothing matches. */
export function toColumnFilter(
  { apps, user, type, session }: EventFilter,
  numberOf: (kind: 'app' | 'user', text: string) => number | undefined,
): ColumnFilter | undefined {
  const appNumbers = apps
    ?.map((app) => numberOf('app', app))
    .filter((number): number is number => number !== undefined);
  const userNumber = user === undefined ? undefined : numberOf('user', user);
  if (appNumbers?.length === 0 || (user !== undefined && userNumber === undefined)) return undefined;
  const typeNumber = type === undefined ? undefined : typeCode(type);
  return { apps: appNumbers, user: userNumber, session, type: typeNumber };
}

/** Whether a batch, whose events share app, user and session, can hold matches. `type` is a column. */
export function mayMatch(
  batch: { app: number; user: number; session: string },
  { apps, user, session }: ColumnFilter,
): boolean {
  return (
    (apps === undefined || apps.includes(batch.app)) &&
    (user === undefined || batch.user === user) &&
    (session === undefined || batch.session === session)
  );
}

/** A part of a statement and the values of the `{name:Type}` in it: no client text is in the SQL itself. */
export interface Condition {
  sql: string;
  params: Record<string, string | number | readonly string[]>;
}

/** Is true for every row. */
export const ALL: Condition = { sql: '1', params: {} };

/** `ALL` where there is no value. */
export function equal(
  column: string,
  type: 'String' | 'UInt8',
  value: string | number | undefined,
): Condition {
  return value === undefined ? ALL : { sql: `${column} = {${column}:${type}}`, params: { [column]: value } };
}

export function all(...conditions: readonly Condition[]): Condition {
  const due = conditions.filter(({ sql }) => sql !== ALL.sql);
  if (due.length === 0) return ALL;
  return {
    sql: due.map(({ sql }) => `(${sql})`).join(' AND '),
    params: Object.assign({}, ...due.map((one) => one.params)),
  };
}

export function ofApps(apps: readonly string[] | undefined): Condition {
  if (apps === undefined || apps.length === 1) return equal('app', 'String', apps?.[0]);
  return { sql: 'app IN (SELECT arrayJoin({apps:Array(String)}))', params: { apps } };
}

/** On rows with the columns `app`, `user_id`, `session_id` and `type`. */
export function toCondition({ apps, user, type, session }: EventFilter): Condition {
  return all(
    ofApps(apps),
    equal('user_id', 'String', user),
    equal('session_id', 'String', session),
    equal('type', 'UInt8', type === undefined ? undefined : typeCode(type)),
  );
}
