/** Asks the collector, and says in words what went wrong when it does not answer. */
import { connection } from './connection.js';

export class ApiError extends Error {
  override name = 'ApiError';
  /** 0 when nothing answered. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Whatever was thrown, as what can be said to the reader. */
export const toApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, String(error));

interface Problem {
  title: string;
  detail: string;
  errors?: { path: string; message: string }[];
}

/** The path of a read with its parameters; those that are absent or empty are left out. */
export function apiPath(path: string, parameters: Record<string, string | number | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, `${value}`);
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** The JSON at a path. Throws `ApiError`, or what `signal` aborts with. */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, signal === undefined ? {} : { signal });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    connection.lost();
    throw new ApiError(0, 'The collector does not answer.');
  }
  connection.found();
  if (!answer.ok) throw new ApiError(answer.status, problemText(answer.status, text));
  try {
    return JSON.parse(text) as T;
  } catch {
    // A proxy's page to sign in at, say.
    throw new ApiError(answer.status, 'What answered is not the collector. Loading the page anew may help.');
  }
}

function problemText(status: number, text: string): string {
  const unknown = `The collector answered with status ${status}.`;
  try {
    const { title, detail, errors = [] } = JSON.parse(text) as Problem;
    const problems = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
    return [detail || title, problems].filter(Boolean).join(' ') || unknown;
  } catch {
    return unknown;
  }
}
