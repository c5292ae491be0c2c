/** Events as lines of JSON, as they are queued and sent. */
import { attempt } from './attempt.js';

/** A body has 1 MiB at most; the rest is for what else an event has. */
const PROPS_BYTES_MAX = 980_000;
/** No text of so many characters is larger. */
const SMALL_CHARS = 320_000;
/** Of the collector's 64 levels the body, the list of events and the event take three. */
const LEVELS_MAX = 61;
/** The collector keeps no more of a text beside the props. */
const TEXT_MAX = 2_048;
/** Names of props that were left out. */
const NAMED_MAX = 20;
const NAME_MAX = 200;

/** The event with its props as one line. Bad props are left out (see `sift`); the others are kept. */
export function toLine(event: object, props?: unknown): string {
  let line = JSON.stringify(event).slice(0, -1);
  if (props != null) {
    const text = attempt(() => JSON.stringify(props));
    const isFine = text && text.length < SMALL_CHARS && isTaken(text);
    line += `,"props":${isFine ? text : (attempt(() => sift(text ? JSON.parse(text) : props)) ?? '{"$invalid":["*"]}')}`;
  }
  // The collector refuses lone surrogates, which a cut may leave.
  return `${line}}`.replace(/(\\\\)|\\ud[89a-f]../g, '$1');
}

/** What should be a text, as one, and as much of it as is kept. */
export function said(value: unknown): string | undefined {
  return value == null ? undefined : String(value).slice(0, TEXT_MAX);
}

/** Whether the collector takes JSON as props, if it has room. */
function isTaken(text: string): boolean {
  // The collector refuses `__proto__`, and `prototype` within `constructor`; with both names it may be so.
  if (
    text[0] !== '{' ||
    /"__proto__":/.test(text) ||
    (/"constructor":{/.test(text) && /"prototype":/.test(text))
  )
    return false;
  // The innermost level goes, again and again.
  let rest = text.replace(/\\./g, '').replace(/"[^"]*"/g, '');
  for (let level = 0; rest && level < LEVELS_MAX; level++) rest = rest.replace(/[[{][^[\]{}]*[\]}]/g, '');
  return !rest;
}

/**
 * JSON of the props without the bad ones: no JSON, refused by the collector, or no room left. `$invalid` names those.
 * Undefined where the props are no object.
 */
function sift(props: unknown): string | undefined {
  if (typeof props !== 'object' || Array.isArray(props)) return undefined;
  const invalid: string[] = [];
  let room = PROPS_BYTES_MAX;
  const parts = Object.keys(props as object).map((name) => {
    const text = attempt(() => JSON.stringify({ [name]: (props as Record<string, unknown>)[name] }));
    const bytes = text && isTaken(text) ? new Blob([text]).size : Infinity;
    if (bytes > room) return void invalid.push(name.slice(0, NAME_MAX));
    room -= bytes;
    return text?.slice(1, -1);
  });
  if (invalid.length) parts.push(`"$invalid":${JSON.stringify(invalid.slice(0, NAMED_MAX))}`);
  return `{${parts.filter(Boolean)}}`;
}
