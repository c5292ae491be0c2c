/** Where each question is asked. */
import type { QuestionName, Questions } from '../../src/questions/index.js';
import type { Asks } from './types.js';

/** `/v1/query/<name>`, but for these; the compiler names one that is missing, wrong or needless. */
const OTHER_PATHS = {
  event: '/v1/events/:id',
  incident: '/v1/incidents/:event_id',
  replay: '/v1/sessions/:id/replay',
} as const satisfies {
  [K in QuestionName as Questions[K]['path'] extends `/v1/query/${K}` ? never : K]: Questions[K]['path'];
};

const PATHS: { readonly [K in keyof Asks]?: string } = OTHER_PATHS;

/** The path of a question with all that is asked: what the path names goes there, the rest into the query. */
export function pathOf(question: keyof Asks, ask: object = {}): string {
  const query = new Map<string, unknown>(Object.entries(ask));
  const path = (PATHS[question] ?? `/v1/query/${question}`).replace(/:(\w+)/g, (_, name: string) => {
    const value = query.get(name);
    query.delete(name);
    return encodeURIComponent(`${value}`);
  });
  return withQuery(path, Object.fromEntries(query));
}

/** A path with a query; what is absent or an empty text is left out. */
export function withQuery(path: string, parameters: object = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, `${value}`);
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
