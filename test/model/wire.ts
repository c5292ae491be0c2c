/** The wire form of a history: how its steps are sent to a collector, and what the contract has it answer. */
import assert from 'node:assert/strict';
import type { EventRequest, NewEvent } from '../../src/domain/event.js';
import { LIST_LIMIT_MAX } from '../../src/domain/limits.js';
import type { Found } from '../../src/questions/index.js';
import type { ChunkRow } from '../../src/questions/replay.js';
import type { NewChunk, Store } from '../../src/store/port.js';
import { ask, keyOf, postEvents } from '../support/http.js';
import type {
  AggregatesAnswer,
  ErrorGroupsAnswer,
  EventsAnswer,
  IncidentAnswer,
  ManifestAnswer,
} from '../support/rows.js';
import { about, type Question } from './questions.js';

/** Answers as plain data: a status, and of a 200 the fields that the contract names. */
export interface Wire {
  status: number;
  body?: unknown;
}

/** The fields the contract names, row by row: a collector may answer more. */
const FIELDS = {
  event: ['id', 'ts', 'app', 'user_id', 'session_id', 'type', 'name', 'url', 'props', 'user', 'client_ts'],
  user: ['user_id', 'app', 'last_seen', 'session_count', 'first_seen', 'name', 'email'],
  session: [
    ...['session_id', 'app', 'user_id', 'started_at', 'last_seen'],
    ...['chunk_count', 'event_count', 'error_count'],
  ],
  step: ['name', 'count'],
  group: [
    ...['group', 'app', 'name', 'frame', 'count', 'user_count', 'first_seen', 'last_seen'],
    ...['last_event_id', 'by_day'],
  ],
  chunk: ['seq', 'ts', 'path'],
};

const NO_GROUP = 'no-group';

/** URLs longer than this are left unasked: Node's HTTP server refuses headers over 16 KiB. */
export const URL_CHARACTERS_MAX = 12_000;

function rows(kind: keyof typeof FIELDS, list: readonly object[]): object[] {
  return list.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([key]) => FIELDS[kind].includes(key))),
  );
}

/** What an incident tells of the ones beside it. */
const beside = (group?: string, previous?: number, next?: number): object => ({
  ...(group === undefined ? {} : { group }),
  ...(previous === undefined ? {} : { previous }),
  ...(next === undefined ? {} : { next }),
});

// --- what goes in

/** An event as its client writes it; `props` go in as they are, digit by digit. */
function eventText({ props, ...rest }: NewEvent): string {
  const text = JSON.stringify(rest);
  return props === undefined ? text : `${text.slice(0, -1)},"props":${props}}`;
}

/** A batch as the body of a request that is sent at that time. */
export function bodyOf({ app, batchId: batch_id, events }: EventRequest, sent_at: number): string {
  const envelope = JSON.stringify({ app, key: keyOf(app), batch_id, sent_at });
  return `${envelope.slice(0, -1)},"events":[${events.map(eventText).join(',')}]}`;
}

/** Sends a batch and settles once the collector has taken it; `sent_at` says that the client's clock is right. */
export async function sendBatch(url: string, batch: EventRequest): Promise<void> {
  const answer = await postEvents(url, bodyOf(batch, Date.now()));
  assert.equal(answer.status, 204, answer.text);
}

export async function sendChunk(url: string, chunk: NewChunk): Promise<void> {
  const { app, session, seq, ts, bytes } = chunk;
  const path = `/v1/replay?${queryOf({ session, seq, ts, app, sent_at: Date.now() })}`;
  const headers = { 'x-spyglass-key': keyOf(app), 'content-type': 'application/octet-stream' };
  const answer = await ask(url, path, { method: 'POST', headers, body: bytes });
  assert.equal(answer.status, 204, answer.text);
}

// --- what is asked

export function queryOf(parameters: Record<string, string | number | undefined>): string {
  return Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${encodeURIComponent(value as string | number)}`)
    .join('&');
}

const sessionPath = (session: string): string => `/v1/sessions/${encodeURIComponent(session)}/replay`;

/** Where the question is asked; undefined for one HTTP has no words for. */
export function pathOf(question: Question): string | undefined {
  switch (question.ask) {
    case 'events': {
      const { cursor: _, ...query } = question.query;
      return `/v1/query/events?${queryOf({ ...query })}`;
    }
    case 'users':
    case 'sessions':
    case 'aggregates':
    case 'names':
    case 'activity':
      return `/v1/query/${question.ask}?${queryOf({ ...question.query })}`;
    case 'funnel': {
      const { steps, ...query } = question.query;
      return `/v1/query/funnel?${queryOf({ ...query, steps: steps.join(',') })}`;
    }
    case 'errors':
      return `/v1/query/errors?${queryOf({ ...question.query })}`;
    case 'event':
      return `/v1/events/${question.id}`;
    case 'incident':
      return `/v1/incidents/${question.id}`;
    case 'sessionApps':
      return sessionPath(question.session);
    case 'replay':
      return `${sessionPath(question.session)}?${queryOf({ app: question.app })}`;
    case 'chunk':
      return `${sessionPath(question.session)}/${question.seq}?${queryOf({ app: question.app })}`;
    default:
      return undefined;
  }
}

/** The promised part of a 200's body. */
function promised(question: Question, body: unknown): unknown {
  switch (question.ask) {
    case 'events': {
      const { events, head, next_cursor } = body as EventsAnswer;
      return { events: rows('event', events), head, more: next_cursor !== undefined };
    }
    case 'users':
      return { users: rows('user', (body as { users: object[] }).users) };
    case 'sessions':
      return { sessions: rows('session', (body as { sessions: object[] }).sessions) };
    case 'funnel':
      return { steps: rows('step', (body as { steps: object[] }).steps) };
    case 'aggregates': {
      const { dau, top_events, top_pages, errors_by_day } = body as AggregatesAnswer;
      return { dau, top_events, top_pages, errors_by_day } satisfies Found<'aggregates'>;
    }
    case 'names':
    case 'activity':
      return body;
    case 'errors':
      return { groups: rows('group', (body as ErrorGroupsAnswer).groups) };
    case 'event':
      return rows('event', [body as object]);
    case 'incident': {
      const { event, breadcrumbs, incident_ts, session_id, replay_cue } = body as IncidentAnswer;
      const { group, previous_id, next_id } = body as IncidentAnswer;
      const cue = replay_cue === undefined ? {} : { replay_cue: rows('chunk', replay_cue.chunks) };
      return {
        event: rows('event', [event]),
        breadcrumbs: rows('event', breadcrumbs),
        incident_ts,
        session_id,
        ...beside(group, previous_id, next_id),
        ...cue,
      };
    }
    default: {
      const { session_id, chunks } = body as ManifestAnswer;
      return { session_id, chunks: rows('chunk', chunks) };
    }
  }
}

/** The events of a group, named by its place in a listing: ids of groups are the collector's own. */
async function allOccurrences(url: string, question: Question & { ask: 'errorGroup' }): Promise<object[]> {
  const { limit, ...range } = question.query;
  const listed = await ask(url, `/v1/query/errors?${queryOf({ ...range, limit: LIST_LIMIT_MAX })}`);
  assert.equal(listed.status, 200, listed.text);
  const { groups } = JSON.parse(listed.text) as ErrorGroupsAnswer;
  const { app: _, ...bounds } = range;
  const group = groups[question.place]?.group ?? NO_GROUP;
  return allPages(url, '/v1/query/occurrences', { ...bounds, group }, [limit]);
}

/** Pages through a listing by its cursors, to the end. */
async function allPages(
  url: string,
  route: string,
  query: Record<string, string | number>,
  limits: readonly number[],
): Promise<object[]> {
  const events: object[] = [];
  let cursor: string | undefined;
  for (let turn = 0; ; turn++) {
    const limit = limits[turn % limits.length];
    const path = `${route}?${queryOf({ ...query, limit, cursor })}`;
    const answer = await ask(url, path);
    assert.equal(answer.status, 200, answer.text);
    const page = parseKeepingProps(answer.text) as EventsAnswer;
    events.push(...rows('event', page.events));
    cursor = page.next_cursor;
    if (cursor === undefined) return events;
  }
}

/**
 * The body with every `props` as text, digits and spaces as they came: they are the only objects of an answer that a
 * client made, so their ends are found by counting braces outside strings.
 */
function parseKeepingProps(text: string): unknown {
  let out = '';
  let at = 0;
  for (;;) {
    const start = findProps(text, at);
    if (start === -1) return JSON.parse(out + text.slice(at));
    const end = endOfObject(text, start);
    out += text.slice(at, start) + JSON.stringify(text.slice(start, end));
    at = end;
  }
}

/** Where the object of the next `"props":` begins that is not part of a string. */
function findProps(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] !== '"') continue;
    if (text.startsWith('"props":{', at)) return at + 8;
    at = endOfString(text, at);
  }
  return -1;
}

/** The place of the quote that ends the string which begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '"') return end;
  }
  throw new Error('a string without an end');
}

function endOfObject(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '"') at = endOfString(text, at);
    else if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at + 1;
  }
  throw new Error('an object without an end');
}

/** Asks a collector; undefined for a question HTTP has no words for. */
export async function askOnWire(url: string, question: Question): Promise<Wire | undefined> {
  if (question.ask === 'pages') {
    const events = await allPages(url, '/v1/query/events', { ...question.query }, question.limits);
    return { status: 200, body: events };
  }
  if (question.ask === 'errorGroup') return { status: 200, body: await allOccurrences(url, question) };
  const path = pathOf(question);
  if (path === undefined || path.length > URL_CHARACTERS_MAX) return undefined;
  const answer = await ask(url, path);
  if (answer.status !== 200) return { status: answer.status };
  if (question.ask === 'chunk') {
    const { 'content-type': type, 'content-encoding': encoding } = answer.headers;
    return { status: 200, body: { bytes: answer.bytes, type, encoding } };
  }
  return { status: 200, body: promised(question, parseKeepingProps(answer.text)) };
}

// --- what must come back

const chunkOnWire = (app: string, session: string, { seq, ts }: ChunkRow): object => ({
  seq,
  ...(ts === undefined ? {} : { ts }),
  path: `${sessionPath(session)}/${seq}?app=${app}`,
});

async function single(model: Store, id: number): Promise<Wire> {
  if (id < 1) return { status: 400 };
  const event = await model.ask('event', { id });
  return event === undefined ? { status: 404 } : { status: 200, body: [event] };
}

async function incident(model: Store, id: number): Promise<Wire> {
  if (id < 1) return { status: 400 };
  const found = await model.ask('incident', { event_id: id });
  if (found === undefined) return { status: 404 };
  const { event, around } = found;
  if (around === undefined) return { status: 400 };
  const { app, session_id, ts } = event;
  const { breadcrumbs, cue, neighbours } = around;
  const replay_cue = cue.map((row) => chunkOnWire(app, session_id, row));
  return {
    status: 200,
    body: {
      event: [event],
      breadcrumbs,
      incident_ts: ts,
      session_id,
      ...beside(neighbours.group, neighbours.previous, neighbours.next),
      ...(cue.length === 0 ? {} : { replay_cue }),
    },
  };
}

async function manifest(model: Store, id: string, apps?: readonly string[]): Promise<Wire> {
  const found = await model.ask('replay', { id, ...(apps && { apps }) });
  const [app = '', ...others] = found.apps;
  if (others.length > 0) return { status: 409 };
  if (found.chunks.length === 0) return { status: 404 };
  return {
    status: 200,
    body: { session_id: id, chunks: found.chunks.map((row) => chunkOnWire(app, id, row)) },
  };
}

/** The answer the contract demands of a collector that has lived what the model has. */
export async function expectedOnWire(model: Store, question: Question): Promise<Wire> {
  switch (question.ask) {
    case 'events': {
      const { cursor: _, ...query } = about(question.query, question);
      const { events, head, next } = await model.ask('events', query);
      return { status: 200, body: { events, head, more: next !== undefined } };
    }
    case 'pages': {
      const query = { ...about(question.query, question), limit: Number.POSITIVE_INFINITY };
      return { status: 200, body: (await model.ask('events', query)).events };
    }
    case 'users':
      return { status: 200, body: await model.ask('users', about(question.query, question)) };
    case 'sessions':
      return { status: 200, body: await model.ask('sessions', about(question.query, question)) };
    case 'funnel': {
      const query = about(question.query, question);
      const steps = query.steps.map((step) => step.trim());
      return { status: 200, body: await model.ask('funnel', { ...query, steps }) };
    }
    case 'aggregates':
      return { status: 200, body: await model.ask('aggregates', about(question.query, question)) };
    case 'names':
      return { status: 200, body: await model.ask('names', about(question.query, question)) };
    case 'activity':
      return { status: 200, body: await model.ask('activity', about(question.query, question)) };
    case 'errors': {
      const { groups } = await model.ask('errors', about(question.query, question));
      return { status: 200, body: { groups: rows('group', groups) } };
    }
    case 'errorGroup': {
      const { limit: _, ...range } = about(question.query, question);
      const { groups } = await model.ask('errors', { ...range, limit: LIST_LIMIT_MAX });
      const group = groups[question.place]?.group ?? NO_GROUP;
      const page = await model.ask('occurrences', { ...range, group, limit: Number.POSITIVE_INFINITY });
      return { status: 200, body: page.events };
    }
    case 'event':
      return single(model, question.id);
    case 'incident':
      return incident(model, question.id);
    case 'sessionApps':
      return manifest(model, question.session);
    case 'replay':
      return manifest(model, question.session, [question.app]);
    case 'chunk': {
      const chunk = await model.chunk(question.app, question.session, question.seq);
      if (chunk === undefined) return { status: 404 };
      return { status: 200, body: { bytes: chunk.bytes, type: 'application/json', encoding: 'gzip' } };
    }
    default:
      throw new Error(`HTTP has no words for ${question.ask}`);
  }
}
