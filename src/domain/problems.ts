/** Every error of the API (RFC 9457): code → status and title, and the body of such an answer. */

export const PROBLEMS = {
  bad_request: { status: 400, title: 'Bad request' },
  invalid_json: { status: 400, title: 'Body is not valid JSON' },
  invalid_envelope: { status: 400, title: 'Body is not an event batch' },
  invalid_event: { status: 400, title: 'A batch holds an invalid event' },
  invalid_parameter: { status: 400, title: 'Invalid parameter' },
  invalid_chunk: { status: 400, title: 'Invalid replay chunk' },
  not_an_incident: { status: 400, title: 'Not an error or bug report' },
  unauthorized_app: { status: 401, title: 'Unknown app or wrong key' },
  unauthorized: { status: 401, title: 'Password required' },
  cross_site: { status: 403, title: 'Not from this site' },
  origin_not_allowed: { status: 403, title: 'Origin not allowed' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  ambiguous_session: { status: 409, title: 'Several apps have this session' },
  clock_doubted: { status: 409, title: 'The clock may be wrong' },
  body_too_large: { status: 413, title: 'Body too large' },
  unsupported_encoding: { status: 415, title: 'Unsupported content encoding' },
  forbidden: { status: 403, title: 'Not for this reader' },
  foreign_host: { status: 421, title: 'Not a host of this collector' },
  rate_limited: { status: 429, title: 'Too many events' },
  replay_budget: { status: 429, title: 'Too many replay bytes this hour' },
  too_many_replays: { status: 429, title: 'Too many replays watched' },
  locked_out: { status: 429, title: 'Too many wrong passwords' },
  headers_too_large: { status: 431, title: 'Request headers too large' },
  internal: { status: 500, title: 'Internal error' },
  out_of_files: { status: 503, title: 'Too many open files or connections' },
  reopening: { status: 503, title: 'The store is being rewritten' },
  too_many_readers: { status: 503, title: 'Too many readers of the live feed' },
  view_not_ready: { status: 503, title: 'A view is being folded' },
  key_not_shown: { status: 503, title: 'Busy: app and key must come first' },
  queue_full: { status: 503, title: 'Write queue is full' },
  not_accepting: { status: 503, title: 'Not accepting data' },
  disk_full: { status: 503, title: 'Not enough disk space' },
  replay_disk_full: { status: 507, title: 'Not enough disk space for replays' },
  reads_full: { status: 503, title: 'Too many queries wait' },
  reader_died: { status: 503, title: 'The query was cut off' },
  read_timeout: { status: 504, title: 'The query took too long' },
  client_left: { status: 499, title: 'The client left before its answer' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface FieldError {
  /** Such as `events[3].user_id`. */
  path: string;
  message: string;
}

/** Why a request is refused. */
export interface Refusal {
  code: ProblemCode;
  detail: string;
  errors?: FieldError[];
  retryAfterS?: number;
  /** Ids like the one that nothing has. */
  near?: string[];
}

/** Answers the request with a problem. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  readonly refusal: Refusal;

  constructor(
    code: ProblemCode,
    detail: string,
    more: Pick<Refusal, 'errors' | 'retryAfterS' | 'near'> = {},
  ) {
    super(detail);
    this.refusal = { code, detail, ...more };
  }
}

/** The body of a problem. `type` and `instance` are names, not addresses; `instance` has the request's id. */
export function problemJson({ code, detail, errors, near }: Refusal, requestId?: string): string {
  const { status, title } = PROBLEMS[code];
  const instance = requestId === undefined ? undefined : `urn:spyglass:request:${requestId}`;
  return JSON.stringify({
    type: `urn:spyglass:problem:${code}`,
    title,
    status,
    detail,
    errors,
    near,
    instance,
  });
}
