/** An event as the one line of JSON that is queued and sent. */
import { attempt } from './attempt.js';

/** Props that no JSON can be made of (a cycle, a `toJSON` that throws) are left out; the event itself stays. */
export function toLine(event: object, props: unknown): string {
  // Half of a character, which a cut of a text may leave, would cost the event.
  const write = (whole: object) => JSON.stringify(whole).replace(/(\\\\)|\\ud[89a-f]../g, '$1');
  return attempt(() => write({ ...event, props })) ?? write(event);
}
