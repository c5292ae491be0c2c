/**
 * Removes what could act from a recording: the second lock, besides the frame that runs and loads nothing.
 * It also covers what no policy does, such as hints to look up hosts or to connect to them. A value that is no text is made one
 * before it is looked at, as the replayer does.
 */
import { harmlessCss, harmlessValue } from './css.js';
import { FULL_SNAPSHOT, INCREMENTAL, isObject, type RecordedEvent } from './recording.js';

const ELEMENT = 2;
const TEXT = 3;
/** HTML parsers nest no deeper. */
const DEPTH_MAX = 512;
const MUTATION = 0;
const STYLE_RULE = 8;
const STYLE_DECLARATION = 13;
const ADOPTED_STYLES = 15;
/** rrweb's mark between the texts of one style element; it takes it out again. */
const SPLIT = '/* rr_split */';
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
/** Attributes of SVG that hold CSS, also where an animation sets them. */
const PAINTS = /^(fill|stroke|filter|mask|clip-path|cursor|marker(-\w+)?|from|to|by|values)$/;
/** The addresses that are kept: pictures, sound, and places within the page. */
const INNER = /^(data:(image|audio|video)\/|blob:|#)/i;

/** Changes the events in place; returns those that are kept. */
export function makeHarmless(events: readonly RecordedEvent[]): RecordedEvent[] {
  const kept = events.filter(({ type, data }) => type !== INCREMENTAL || !LEFT_OUT.has(data.source));
  for (const { type, data } of kept) {
    if (type === FULL_SNAPSHOT) cleanTree(data.node);
    if (type !== INCREMENTAL) continue;
    if (data.source === MUTATION) cleanMutation(data);
    if (data.source === STYLE_RULE) cleanRules(data);
    if (data.source === STYLE_DECLARATION && isObject(data.set)) data.set.value = cssValue(data.set.value);
    if (data.source === ADOPTED_STYLES)
      for (const { rules } of list(data.styles)) cleanRules({ adds: rules });
  }
  return kept;
}

function cleanMutation({ adds, attributes }: Record<string, unknown>): void {
  for (const add of list(adds)) cleanTree(add.node);
  for (const change of list(attributes)) {
    if (isObject(change.attributes)) change.attributes = cleanAttributes('', change.attributes);
  }
}

function cleanRules(data: Record<string, unknown>): void {
  for (const add of list(data.adds)) add.rule = cssValue(add.rule);
  for (const whole of ['replace', 'replaceSync']) {
    if (typeof data[whole] === 'string') data[whole] = harmlessCss(data[whole]);
  }
}

/** Makes the texts harmless that changes put into a style; `styles` are the ids of styles met so far, and of their texts. */
export function cleanStyleTexts(events: readonly RecordedEvent[], styles: Set<unknown>): void {
  for (const { type, data } of events) {
    if (type === FULL_SNAPSHOT) noteStyles(data.node, styles);
    if (type !== INCREMENTAL || data.source !== MUTATION) continue;
    for (const { node, parentId } of list(data.adds)) {
      if (!isObject(node)) continue;
      noteStyles(node, styles);
      if (!styles.has(parentId) || !isText(node)) continue;
      styles.add(node.id);
      cleanText(node);
    }
    for (const text of list(data.texts)) if (styles.has(text.id)) text.value = cssText(text.value);
  }
}

function noteStyles(root: unknown, styles: Set<unknown>): void {
  walk(root, (node) => {
    if (!isStyle(node)) return;
    styles.add(node.id);
    for (const child of list(node.childNodes)) styles.add(child.id);
  });
}

/** Walks without recursion, and cuts what is nested deeper than browsers bear. */
function walk(root: unknown, visit: (node: Record<string, unknown>) => void): void {
  let level = [root];
  for (let depth = 0; level.length > 0; depth++) {
    const nodes = level.filter(isObject);
    level = [];
    for (const node of nodes) {
      if (node.type === ELEMENT) visit(node);
      if (!Array.isArray(node.childNodes)) continue;
      if (depth >= DEPTH_MAX) node.childNodes = [];
      for (const child of node.childNodes as unknown[]) level.push(child);
    }
  }
}

const cleanTree = (root: unknown): void => walk(root, cleanElement);

/** Without a prefix: `svg:style` is a style too. */
const tagOf = ({ tagName }: Record<string, unknown>): string =>
  String(tagName)
    .toLowerCase()
    .replace(/^[\s\S]*:/, '');

/** rrweb draws a link that has its style sheet's text as a style. */
const isStyle = (node: Record<string, unknown>): boolean =>
  tagOf(node) === 'style' ||
  (tagOf(node) === 'link' && isObject(node.attributes) && typeof node.attributes._cssText === 'string');

const isText = ({ type }: Record<string, unknown>): boolean => type === TEXT;

function cleanText(node: Record<string, unknown>): void {
  node.textContent = cssText(node.textContent);
}

/** A text of a style, to which others may be joined. */
const cssText = (value: unknown): string =>
  String(value ?? '')
    .split(SPLIT)
    .map(harmlessCss)
    .join(SPLIT);
const cssValue = (value: unknown): string => harmlessValue(String(value ?? ''));

function cleanElement(node: Record<string, unknown>): void {
  const tag = tagOf(node);
  const attributes = isObject(node.attributes) ? node.attributes : {};
  // A link that is no style only loads or hints.
  const hollow = HOLLOW.has(tag) || (tag === 'link' && !isStyle(node));
  node.attributes = hollow ? {} : cleanAttributes(tag, attributes);
  if (tag === 'script') {
    node.tagName = 'noscript';
    node.childNodes = [];
  }
  if (isStyle(node)) for (const child of list(node.childNodes)) if (isText(child)) cleanText(child);
  delete node.isCustom;
}

function cleanAttributes(tag: string, attributes: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(attributes)) {
    const lower = name.toLowerCase();
    if (lower === 'style' && isObject(given)) {
      kept[name] = Object.fromEntries(Object.entries(given).map(([key, of]) => [key, declared(of)]));
      continue;
    }
    const value = typeof given === 'object' && given !== null ? String(given) : given;
    if (/^(on|rr_media)/.test(lower) || DROPPED.has(lower)) continue;
    if (tag === 'iframe' && lower === 'src') continue;
    if (ADDRESSES.has(lower) && typeof value === 'string' && !INNER.test(value.trim())) {
      // Without an address it would not look like a link.
      if (lower === 'href' && tag === 'a') kept[name] = '#';
      continue;
    }
    // An animation sets the attribute that it names.
    if (lower === 'attributename' && ADDRESSES.has(String(value).trim().toLowerCase())) continue;
    kept[name] = typeof value === 'string' ? harmlessAttribute(lower, value) : value;
  }
  return kept;
}

function harmlessAttribute(name: string, value: string): string {
  if (name === '_csstext') return cssText(value);
  return name === 'style' || PAINTS.test(name) ? harmlessValue(value) : value;
}

/** A changed declaration: `false` where it is gone, else its value, or that and its priority. */
function declared(value: unknown): unknown {
  if (value === false) return false;
  return Array.isArray(value) ? [cssValue(value[0]), ...value.slice(1)] : cssValue(value);
}

const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isObject) : [];
