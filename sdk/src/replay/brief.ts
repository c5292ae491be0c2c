/** Logged values as text: what is looked at of one is bounded, not only what is kept of it. */
import { quietly } from './quietly.js';

/** Characters kept of a text, and of the whole. */
export const TEXT_MAX = 1_000;
/** Items or members of one value, and of all in it. */
const ITEMS_MAX = 50;
const PARTS_MAX = 400;
const DEPTH_MAX = 4;

const cut = (text: string): string => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);

/** The value as JSON, texts in quotes. Never throws. */
export function briefly(value: unknown): string {
  const parts = { left: PARTS_MAX };
  const text = quietly(() => JSON.stringify(brief(value, parts, DEPTH_MAX))) ?? '"?"';
  return text.startsWith('"') ? text : cut(text);
}

/** A copy of the value that is small and holds no cycle, as it ends at a depth. */
function brief(value: unknown, parts: { left: number }, depth: number): unknown {
  parts.left--;
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object') return cut(String(value));
  return quietly(() => ofObject(value, parts, depth)) ?? quietly(() => cut(String(value))) ?? '?';
}

function ofObject(value: object, parts: { left: number }, depth: number): unknown {
  const { nodeType, outerHTML, stack, message, length } = shapeOf(value);
  // Its start tag alone: what is within may be the whole page.
  if (nodeType !== undefined) return cut(outerHTML() ?? String(value));
  if (typeof message === 'string' && typeof stack === 'string') return cut(stack || message);
  if (value instanceof Date) return value.toJSON();
  if (depth === 0 || parts.left <= 0) return String(value);
  if (typeof length === 'number' && (Array.isArray(value) || ArrayBuffer.isView(value))) {
    const items = Array.from({ length: Math.min(length, ITEMS_MAX) }, (_, at) => at);
    const copy = items.map((at) => memberOf(value, at, parts, depth));
    return length > ITEMS_MAX ? [...copy, `… ${length} in all`] : copy;
  }
  const copy: Record<string, unknown> = {};
  let count = 0;
  for (const name in value) {
    if (++count > ITEMS_MAX || parts.left <= 0) {
      copy['…'] = 'more';
      break;
    }
    copy[cut(name)] = memberOf(value, name, parts, depth);
  }
  return copy;
}

const memberOf = (value: object, name: string | number, parts: { left: number }, depth: number): unknown =>
  parts.left > 0
    ? brief(
        quietly(() => value[name as never]),
        parts,
        depth - 1,
      )
    : '…';

/** What tells a node and an error, of other frames too. */
function shapeOf(value: object) {
  const { nodeType, stack, message, length } = value as Partial<Node & Error & { length: number }>;
  const outerHTML = () => ((value as Node).cloneNode?.(false) as Partial<Element> | undefined)?.outerHTML;
  return { nodeType, outerHTML, stack, message, length };
}
