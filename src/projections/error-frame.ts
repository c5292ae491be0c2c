/** Where an error was thrown, as its group goes by it: the top frame of its stack, or the place the browser named. */
import type { JsonText } from '../event.js';

/** Far more than any stack's first frame needs. */
const STACK_MAX = 8_192;
const FRAME_MAX = 512;
/** The same code is served from many hosts: staging and production belong to one group. */
const ORIGIN = /https?:\/\/[^/\s)]*/g;

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
