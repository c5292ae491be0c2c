/** The client: a method for questions of every kind, and one for each of the few routes that are none. */
import { ClientError, ForeignAnswerError, refusalOf, UnreachableError } from './errors.js';
import { follow, type LiveMessage } from './live.js';
import { pathOf, withQuery } from './paths.js';
import type * as api from './types.js';

export type QuestionName = keyof api.Asks;
/** The questions that are answered in pages. */
export type PagedQuestion = {
  [K in QuestionName]: 'next_cursor' extends keyof api.Answers[K] ? K : never;
}[QuestionName];
/** What a page is a list of. */
export type Item<K extends PagedQuestion> = Extract<
  api.Answers[K][keyof api.Answers[K]],
  readonly unknown[]
>[number];

export interface ClientOptions {
  /** Where the collector is, with the path it is under if any. Without it, where the page is from. */
  url?: string;
  /** The dashboard's password. The audit trail has the name. */
  auth?: { name?: string; password: string };
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** In place of the global one. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface LiveOptions extends CallOptions {
  /** Begins after the event with this id, 0 for the first there is. Without it, with what comes next. */
  after?: number | undefined;
}

/** Calls throw a `ClientError`, or what their signal aborts with. Parameters that are empty texts are left out. */
export interface Client {
  /** `client.ask('funnel', { steps: 'view,cart' })`. */
  ask<K extends QuestionName>(question: K, ask: api.Asks[K], options?: CallOptions): Promise<api.Answers[K]>;
  /** The answer page by page. */
  pages<K extends PagedQuestion>(
    question: K,
    ask: api.Asks[K],
    options?: CallOptions,
  ): AsyncGenerator<api.Answers[K], void>;
  /** What the pages list, one after the other. */
  each<K extends PagedQuestion>(
    question: K,
    ask: api.Asks[K],
    options?: CallOptions,
  ): AsyncGenerator<Item<K>, void>;
  /** Events as they are stored, without a gap where the stream breaks. Ends when its signal aborts. */
  live(filter?: api.LiveFilter, options?: LiveOptions): AsyncGenerator<LiveMessage, void>;
  /** A part of a recording by its path, as manifests and incidents name it: rrweb's events, a JSON array. */
  chunk(path: string, options?: CallOptions): Promise<Response>;
  apps(options?: CallOptions): Promise<api.AppsAnswer>;
  /** Who looked at which recording, latest first. For the operator. */
  audit(ask?: api.AuditAsk, options?: CallOptions): Promise<api.AuditAnswer>;
  /** Removes a user's events and recordings for good. For the operator. */
  erase(erasure: api.Erasure, options?: CallOptions): Promise<api.EraseAnswer>;
  /** Whether the collector runs. Needs no password. */
  health(options?: CallOptions): Promise<api.HealthAnswer>;
}

export function createClient({ url = '', auth, headers, fetch: send }: ClientOptions = {}): Client {
  const base = url.replace(/\/+$/, '');
  const common = { ...headers, ...(auth && { authorization: basic(auth) }) };

  /** Settles with an answer of success, read as far as `read` reads it. */
  async function call<T>(
    path: string,
    read: (answer: Response) => T | Promise<T>,
    { signal }: CallOptions = {},
    init: RequestInit = {},
  ): Promise<T> {
    try {
      const request = { ...init, headers: { ...common, ...init.headers }, signal: signal ?? null };
      const answer = await (send ?? fetch)(base + path, request);
      if (!answer.ok) throw await refusalOf(answer);
      return await read(answer);
    } catch (error) {
      throw signal?.aborted || error instanceof ClientError ? error : new UnreachableError(error);
    }
  }

  const json = <T>(path: string, options?: CallOptions, init?: RequestInit): Promise<T> =>
    call(path, jsonOf<T>, options, init);
  const response = (path: string, options?: CallOptions): Promise<Response> =>
    call(path, (answer) => answer, options);

  async function* pages<K extends PagedQuestion>(
    question: K,
    ask: api.Asks[K],
    options?: CallOptions,
  ): AsyncGenerator<api.Answers[K], void> {
    let next = pathOf(question, ask);
    while (next !== '') {
      const page = await json<api.Answers[K]>(next, options);
      yield page;
      const { next_cursor: cursor } = page;
      next = cursor === undefined ? '' : pathOf(question, { ...ask, cursor });
    }
  }

  return {
    ask: (question, ask, options) => json(pathOf(question, ask), options),
    pages,
    async *each(question, ask, options) {
      for await (const page of pages(question, ask, options))
        yield* Object.values(page).find(Array.isArray) ?? [];
    },
    live: (filter, { after, signal } = {}) =>
      follow(
        (from) => response(withQuery('/v1/stream', { ...filter, after: from }), { signal }),
        after,
        signal,
      ),
    chunk: response,
    apps: (options) => json('/v1/apps', options),
    audit: (ask, options) => json(withQuery('/v1/audit', ask), options),
    erase: (erasure, options) =>
      json('/v1/erase', options, { method: 'POST', body: JSON.stringify(erasure) }),
    health: (options) => json('/healthz', options),
  };
}

async function jsonOf<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new ForeignAnswerError(answer.status);
  }
}

/** Base64 of UTF-8, as the collector reads names and passwords. */
function basic({ name = '', password }: { name?: string; password: string }): string {
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${name}:${password}`)))}`;
}
