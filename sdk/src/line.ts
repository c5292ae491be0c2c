/** Events as lines of JSON, as they are queued and sent. */
import { attempt } from './attempt.js';

/** Leaves out props that have no JSON (a cycle, a `toJSON` that throws). */
export function toLine(event: object, props: unknown): string {
  // The collector refuses lone surrogates, which a cut may leave.
  const write = (whole: object) => JSON.stringify(whole).replace(/(\\\\)|\\ud[89a-f]../g, '$1');
  return attempt(() => write({ ...event, props })) ?? write(event);
}
