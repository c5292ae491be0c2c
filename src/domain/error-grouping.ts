/** What an error's group goes by: its name and where it was thrown, the top frame of its stack or the place the browser named. */
import { createHash } from 'node:crypto';
import type { JsonText } from './event.js';

/** Far more than any stack's first frame needs. */
const STACK_MAX = 8_192;
const FRAME_MAX = 512;
/** The same code is served from many hosts: staging and production belong to one group. */
const ORIGIN = /https?:\/\/[^/\s)]*/g;

/** 96 bits: no two groups of a store meet by chance. */
const HASH_DIGITS = 24;

/** Errors come again and again: a hash costs more than all else that is done with one. */
const hashes = new Map<string, string>();
const HASHES_MAX = 1_000;

/** Of the group of an app's errors with a name and a frame, in hex: the same in every store and engine. */
export function groupHash(name: string, frame: string): string {
  // The length keeps apart what would read alike when put together.
  const text = `${name.length}:${name}${frame}`;
  const known = hashes.get(text);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
  if (hashes.size >= HASHES_MAX) hashes.clear();
  hashes.set(text, hash);
  return hash;
}

/** The frame of an error event's props, without its origin; empty when they tell of none. */
export function frameOf(props: JsonText | null | undefined): string {
  if (props == null) return '';
  const { stack, source, line, column } = JSON.parse(props) as Record<string, unknown>;
  const frame = typeof stack === 'string' ? topFrame(stack) : undefined;
  const place = frame ?? (typeof source === 'string' ? [source, line, column].filter(isPlace).join(':') : '');
  return place.replace(ORIGIN, '').slice(0, FRAME_MAX);
}

const isPlace = (part: unknown): part is string | number =>
  (typeof part === 'string' && part !== '') || typeof part === 'number';

/** Chromium writes `    at name (url:line:column)`, Firefox and Safari `name@url:line:column`. */
function topFrame(stack: string): string | undefined {
  for (const line of stack.slice(0, STACK_MAX).split('\n')) {
    const text = line.trim();
    if (text.startsWith('at ')) return text.slice(3);
    if (text.includes('@') && /:\d+$/.test(text)) return text;
  }
  return undefined;
}
