/** Groups errors by their message and by where they were thrown. */
import { createHash } from 'node:crypto';
import type { JsonText } from './event.js';

const STACK_MAX = 8_192;
const FRAME_MAX = 512;
/** Removed from frames, so that staging and production share a group. */
const ORIGIN = /https?:\/\/[^/\s)]*/g;

/** 96 bits: collisions do not occur by chance. */
const HASH_DIGITS = 24;

/** A cache: the same errors come again, and hashing is the most expensive step. */
const hashes = new Map<string, string>();
const HASHES_MAX = 1_000;

/** The id of a group within its app, in hex. It is the same in every store and engine. */
export function groupHash(name: string, frame: string): string {
  // The length keeps different pairs from joining to the same text.
  const text = `${name.length}:${name}${frame}`;
  const known = hashes.get(text);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
  if (hashes.size >= HASHES_MAX) hashes.clear();
  hashes.set(text, hash);
  return hash;
}

/** Where an error was thrown: its stack's top frame, or `source:line:column`; '' where neither is known. */
export function frameOf(props: JsonText | null | undefined): string {
  if (props == null) return '';
  const { stack, source, line, column } = JSON.parse(props) as Record<string, unknown>;
  const frame = typeof stack === 'string' ? topFrame(stack) : undefined;
  const location =
    frame ?? (typeof source === 'string' ? [source, line, column].filter(isLocationPart).join(':') : '');
  return location.replace(ORIGIN, '').slice(0, FRAME_MAX);
}

const isLocationPart = (part: unknown): part is string | number =>
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
