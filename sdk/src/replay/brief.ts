/** Logged values as text. Lists are read as far as they are kept; the names of an object's members are all listed. */
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
  if (typeof value === 'bigint') return cut(`${value}n`);
  if (typeof value !== 'object') return cut(String(value));
  return quietly(() => ofObject(value, parts, depth)) ?? quietly(() => cut(String(value))) ?? '?';
}

function ofObject(value: object, parts: { left: number }, depth: number): unknown {
  const { nodeType, nodeName, stack, message, length } = value as Shape;
  if (typeof nodeType === 'number' && typeof nodeName === 'string') return cut(startTagOf(value as Shape));
  if (typeof message === 'string' && typeof stack === 'string') return cut(stack || message);
  if (value instanceof Date) return value.toJSON();
  const isList = typeof length === 'number' && (Array.isArray(value) || ArrayBuffer.isView(value));
  if (depth === 0 || parts.left <= 0) return isList ? `${length} items` : '{…}';
  if (isList) {
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
type Shape = Partial<Element & Error & { length: number }>;

/** A node's start tag: what is within may be the whole page, and a copy of it would load and run what it names. */
function startTagOf({ nodeName, localName, attributes }: Shape): string {
  if (attributes === undefined) return String(nodeName);
  const texts = Array.from(attributes).slice(0, ITEMS_MAX);
  return `<${localName}${texts.map(({ name, value }) => ` ${name}="${cut(value)}"`).join('')}>`;
}
