/**
 * Removes what could act from a recording: a second check, besides the frame that runs and loads nothing.
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
const WITHOUT_ATTRIBUTES: ReadonlySet<string> = new Set([
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
  'attributionsrc',
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

/** Ids of elements that were met so far. */
export interface Met {
  /** Styles and their texts. */
  styles: Set<unknown>;
  /** Those that would load a page of their own. */
  loading: Set<unknown>;
}

/** Makes what changes put into elements harmless where that depends on the element. */
export function cleanByElement(events: readonly RecordedEvent[], met: Met): void {
  for (const { type, data } of events) {
    if (type === FULL_SNAPSHOT) note(data.node, met);
    if (type === INCREMENTAL && data.source === MUTATION) cleanChanges(data, met);
  }
}

function cleanChanges(data: Record<string, unknown>, met: Met): void {
  const { styles, loading } = met;
  const adds = list(data.adds);
  const attributes = list(data.attributes).filter((change) => isObject(change.attributes));
  // All first: the replayer keeps what is added before its parent until that is there.
  for (const { node } of adds) note(node, met);
  for (const change of attributes) if (hasSheet(change)) styles.add(change.id);
  for (const { node, parentId } of adds) {
    if (!isObject(node) || !styles.has(parentId) || !isText(node)) continue;
    styles.add(node.id);
    cleanText(node);
  }
  for (const text of list(data.texts)) if (styles.has(text.id)) text.value = cssText(text.value);
  for (const change of attributes) {
    if (!loading.has(change.id)) continue;
    const kept = Object.entries(change.attributes as object).filter(
      ([name]) => !ADDRESSES.has(name.toLowerCase()),
    );
    change.attributes = Object.fromEntries(kept);
  }
}

function note(root: unknown, { styles, loading }: Met): void {
  walk(root, (node) => {
    const tag = tagOf(node);
    if (tag === 'iframe' || WITHOUT_ATTRIBUTES.has(tag)) loading.add(node.id);
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

const hasSheet = ({ attributes }: Record<string, unknown>): boolean =>
  isObject(attributes) && typeof attributes._cssText === 'string';

/** rrweb draws a link that has its style sheet's text as a style. */
const isStyle = (node: Record<string, unknown>): boolean =>
  tagOf(node) === 'style' || (tagOf(node) === 'link' && hasSheet(node));

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
  const isBare = WITHOUT_ATTRIBUTES.has(tag) || (tag === 'link' && !isStyle(node));
  node.attributes = isBare ? {} : cleanAttributes(tag, attributes);
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
