/** Uploads and reads replay chunks as a client does. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { type Answer, type Ask, ask, get, keyOf } from './http.js';
import type { ManifestAnswer } from './rows.js';

/** A gzipped chunk whose bytes say what it is. */
export function chunk(text: string): Buffer {
  return gzipSync(JSON.stringify([{ type: 4, data: text }]));
}

export interface Upload {
  app: string;
  session: string;
  seq: number;
  ts?: number;
  /** The client's clock as it sends. */
  sent_at?: number;
}

/** Uploads a chunk under the key of its app and throws unless it was taken; returns its bytes. */
export async function upload(
  base: string,
  { app, session, seq, ts, sent_at }: Upload,
  bytes?: Buffer,
): Promise<Buffer> {
  const body = bytes ?? chunk(`${app} ${session} ${seq}`);
  const query = new URLSearchParams({
    app,
    session,
    seq: String(seq),
    ...(ts === undefined ? {} : { ts: String(ts) }),
    ...(sent_at === undefined ? {} : { sent_at: String(sent_at) }),
  });
  const answer = await postReplay(base, query.toString(), body, keyOf(app));
  assert.equal(answer.status, 204, answer.text);
  return body;
}

/** Posts to `/v1/replay` with a query as it is. */
export function postReplay(
  base: string,
  query: string,
  body: Uint8Array,
  key: string | undefined,
  init: Ask = {},
): Promise<Answer> {
  return ask(base, `/v1/replay?${query}`, {
    method: 'POST',
    ...init,
    body,
    headers: {
      'content-type': 'application/octet-stream',
      ...(key === undefined ? {} : { 'x-spyglass-key': key }),
      ...init.headers,
    },
  });
}

/** The manifest's path of a session. */
export function manifestPath(session: string, app?: string): string {
  const query = app === undefined ? '' : `?app=${encodeURIComponent(app)}`;
  return `/v1/sessions/${encodeURIComponent(session)}/replay${query}`;
}

/** A session's manifest. */
export function manifest(base: string, session: string, app?: string): Promise<ManifestAnswer> {
  return get<ManifestAnswer>(base, manifestPath(session, app));
}

/** The bytes a path of a manifest leads to. */
export async function chunkAt(base: string, path: string): Promise<Buffer> {
  const answer = await ask(base, path);
  assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  return answer.bytes;
}
