/**
 * Removes what could act from a recording: the second lock, besides the frame that runs and loads nothing.
 * It also covers what no policy does, such as hints to look up hosts or to connect to them.
 */
import { FULL_SNAPSHOT, INCREMENTAL, isObject, type RecordedEvent } from './recording.js';

const ELEMENT = 2;
/** HTML parsers nest no deeper. */
const DEPTH_MAX = 512;
const MUTATION = 0;
/** The player's own page would do these: draw on canvases, load fonts, define elements, play media. */
const LEFT_OUT: ReadonlySet<unknown> = new Set([7, 9, 10, 16]);

/** Elements that only load, act or hint. */
const HOLLOW: ReadonlySet<string> = new Set([
  'meta',
  'base',
  'object',
  'embed',
  'applet',
  'frame',
  'portal',
  'param',
]);
const DROPPED: ReadonlySet<string> = new Set([
  'srcdoc',
  'srcset',
  'imagesrcset',
  'ping',
  'action',
  'formaction',
  'http-equiv',
  'manifest',
  'autofocus',
  'autoplay',
  'target',
  'download',
  'is',
  'nonce',
]);
/** Attributes that hold an address. */
const ADDRESSES: ReadonlySet<string> = new Set([
  'src',
  'href',
  'xlink:href',
  'poster',
  'data',
  'background',
  'longdesc',
  'cite',
  'code',
  'codebase',
  'archive',
  'profile',
  'classid',
  'usemap',
  'rr_dataurl',
]);
/** The addresses that are kept: pictures, sound, and places within the page. */
const INNER = /^(data:(image|audio|video)\/|blob:|#)/i;

/** Changes the events in place; returns those that are kept. */
export function makeHarmless(events: readonly RecordedEvent[]): RecordedEvent[] {
  const kept = events.filter(({ type, data }) => type !== INCREMENTAL || !LEFT_OUT.has(data.source));
  for (const { type, data } of kept) {
    if (type === FULL_SNAPSHOT) cleanTree(data.node);
    if (type === INCREMENTAL && data.source === MUTATION) cleanMutation(data);
  }
  return kept;
}

function cleanMutation({ adds, attributes }: Record<string, unknown>): void {
  for (const add of list(adds)) cleanTree(add.node);
  for (const change of list(attributes)) {
    if (isObject(change.attributes)) change.attributes = cleanAttributes('', change.attributes);
  }
}

/** Walks without recursion, and cuts what is nested deeper than browsers bear. */
function cleanTree(root: unknown): void {
  let level = [root];
  for (let depth = 0; level.length > 0; depth++) {
    const nodes = level.filter(isObject);
    level = [];
    for (const node of nodes) {
      if (node.type === ELEMENT) cleanElement(node);
      if (!Array.isArray(node.childNodes)) continue;
      if (depth >= DEPTH_MAX) node.childNodes = [];
      for (const child of node.childNodes as unknown[]) level.push(child);
    }
  }
}

function cleanElement(node: Record<string, unknown>): void {
  const tag = String(node.tagName).toLowerCase();
  const attributes = isObject(node.attributes) ? node.attributes : {};
  // rrweb draws a link that has its style sheet's text as a style; any other link only loads or hints.
  const hollow = HOLLOW.has(tag) || (tag === 'link' && typeof attributes._cssText !== 'string');
  node.attributes = hollow ? {} : cleanAttributes(tag, attributes);
  if (tag === 'script') {
    node.tagName = 'noscript';
    node.childNodes = [];
  }
  delete node.isCustom;
}

function cleanAttributes(tag: string, attributes: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const lower = name.toLowerCase();
    if (/^(on|rr_media)/.test(lower) || DROPPED.has(lower)) continue;
    if (tag === 'iframe' && lower === 'src') continue;
    if (ADDRESSES.has(lower) && typeof value === 'string' && !INNER.test(value.trim())) {
      // Without an address it would not look like a link.
      if (lower === 'href' && tag === 'a') kept[name] = '#';
      continue;
    }
    kept[name] = value;
  }
  return kept;
}

const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isObject) : [];
