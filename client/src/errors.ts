/** What a call throws: the collector's own refusals, and what stands between it and the client. */

/** Any of them. */
export class ClientError extends Error {
  override name = 'ClientError';
  /** The status of HTTP; 0 where nothing answered. */
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The collector refused, with a problem (RFC 9457); `message` is its detail. */
export class ProblemError extends ClientError {
  override name = 'ProblemError';
  /** `urn:spyglass:problem:<code>`. */
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  /** Parameters that are wrong. */
  readonly errors: readonly { path: string; message: string }[];
  /** When to try again, where the collector says. */
  readonly retryAfterS: number | undefined;

  constructor({ type, title, status, detail, errors = [] }: Problem, retryAfterS?: number) {
    super(status, detail || title);
    this.type = type;
    this.title = title;
    this.detail = detail;
    this.errors = errors;
    this.retryAfterS = retryAfterS;
  }
}

interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { path: string; message: string }[];
}

/** Nothing answered, or the answer broke off; the cause says how. */
export class UnreachableError extends ClientError {
  override name = 'UnreachableError';

  constructor(cause: unknown) {
    super(0, "Can't reach the collector.", { cause });
  }
}

/** What answered is not the collector but a proxy, say, with a page of its own. */
export class ForeignAnswerError extends ClientError {
  override name = 'ForeignAnswerError';

  constructor(status: number) {
    super(status, `What answered with status ${status} is not the collector.`);
  }
}

/** The error of an answer that is no success. */
export async function refusalOf(answer: Response): Promise<ClientError> {
  const { status, headers } = answer;
  if (!headers.get('content-type')?.startsWith('application/problem+json'))
    return new ForeignAnswerError(status);
  const problem: Problem = JSON.parse(await answer.text());
  const retryAfter = headers.get('retry-after');
  return new ProblemError(problem, retryAfter === null ? undefined : Number(retryAfter));
}
