/**
 * Takes from CSS what could ask for anything: `@import`, and every address but data, blobs and places within the page.
 * It reads tokens as browsers do (CSS Syntax 3, 4.3), so that escapes, comments and unclosed ends hide nothing.
 */

const SPACE = String.raw`(?:\r\n|[ \t\n\r\f])`;
/** Letters, digits and escapes: names, and numbers with their unit. */
const NAME = String.raw`(?:[-\w\0\u0080-\uffff]|\\(?:[\da-fA-F]{1,6}${SPACE}?|[^\n\r\f\da-fA-F]))+`;
/** A string may break off: at the end of its line, or at the text's end, there perhaps after a backslash. */
const STRING = String.raw`(?<quote>["'])(?:(?!\k<quote>)[^\\\n\r\f]|\\(?:\r\n|[\s\S]))*(?<end>\k<quote>|\\?$|)`;
const TOKEN = new RegExp(
  [
    String.raw`(?<comment>/\*[\s\S]*?(?:\*/|$))`,
    STRING,
    `(?<rule>@${NAME})`,
    `#${NAME}`,
    String.raw`(?<name>${NAME})(?<call>\()?`,
    '(?<open>[([{])',
    String.raw`(?<close>[)\]}])`,
    '<!--',
    String.raw`[ \t\n\r\f;:,>~=!%*.+]+`,
    String.raw`[\s\S]`,
  ].join('|'),
  'y',
);
/** Names and what stands between them, up to a name that may be a function's: most of any text, read at once. */
const RUN = /(?:#?[-\w\0\u0080-\uffff]*[ \t\n\r\f;:,>~=!%*.+{}[\])]+)+/y;
/** What is behind `url(` where that is no quote: an address, or what breaks it, up to the bracket that closes it. */
const UNQUOTED = /((?:[^)\\]|\\[\s\S])*)(\)|\\?$)/y;
const QUOTE_NEXT = /[ \t\n\r\f]*["']/y;

const NOWHERE = 'data:,';
const INNER = /^[ \t\n\r\f]*(data:|blob:|#)/i;
/** Rules that load; and the one that changes what selectors mean, once its address is gone. */
const LEFT_OUT = /^(import|namespace)$/;
/** Functions in which a text is an address, however much before its name a browser takes for another token. */
const TAKES_ADDRESS = /(url|src|image|image-set|cross-fade)$/;
/** Those of them that are known, and what may stand in them: nothing that puts another text in its place. */
const PLAIN =
  /^(url|type|calc|(-webkit-)?(image-set|cross-fade|(repeating-)?(linear|radial|conic)-gradient))$/;
const CLOSED_BY: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

interface Bracket {
  closedBy: string;
  /** Where in the output a function is that takes addresses. */
  nameAt?: number;
  /** Something in it may become an address. */
  mayTakeOtherText: boolean;
}

interface Reading {
  text: string;
  at: number;
  out: string[];
  /** From the outermost function that takes addresses on; outside of these no bracket matters. */
  open: Bracket[];
}

/** What comes out ends between two tokens, so that texts can be joined. */
export function harmlessCss(text: string): string {
  const reading: Reading = { text, at: 0, out: [], open: [] };
  const { out, open } = reading;
  while (reading.at < text.length) readToken(reading);
  // A function that is not closed here goes on in a text that is put behind this one.
  for (const bracket of open) leave(reading, { ...bracket, mayTakeOtherText: true });
  const last = out.at(-1) ?? '/*';
  return last.startsWith('/*') ? out.join('') : `${out.join('')}/**/`;
}

/** For a text that is joined to nothing. */
export const harmlessValue = (text: string): string => harmlessCss(text).replace(/\/\*\*\/$/, '');

function readToken(reading: Reading): void {
  const { text, out, open } = reading;
  if (open.length === 0) {
    RUN.lastIndex = reading.at;
    const [run = ''] = RUN.exec(text) ?? [];
    if (run !== '') out.push(run);
    reading.at += run.length;
    if (reading.at === text.length) return;
  }
  TOKEN.lastIndex = reading.at;
  const found = TOKEN.exec(text);
  const [token = ''] = found ?? [];
  const groups = found?.groups ?? {};
  const { comment, quote, rule, name, call, close } = groups;
  reading.at += token.length || text.length;
  const within = open.at(-1);
  if (comment !== undefined) {
    out.push(comment.length > 3 && comment.endsWith('*/') ? comment : `${comment}*/`);
  } else if (quote !== undefined) {
    out.push(stringIn(reading, token, quote, groups.end ?? ''));
  } else if (rule !== undefined) {
    out.push(LEFT_OUT.test(plainName(rule.slice(1))) ? '@left-out' : rule);
  } else if (name !== undefined && call !== undefined) {
    enter(reading, name, within);
  } else if (groups.open !== undefined) {
    if (within !== undefined) open.push({ closedBy: CLOSED_BY[token] ?? '', mayTakeOtherText: false });
    out.push(token);
  } else {
    if (close !== undefined && within?.closedBy === close) leave(reading, open.pop());
    // At the end it would escape what is put behind it.
    if (token !== '\\' || reading.at < text.length) out.push(token);
  }
}

function stringIn({ text, at, open }: Reading, token: string, quote: string, end: string): string {
  if (open.at(-1)?.nameAt !== undefined && !INNER.test(token.slice(1))) return `"${NOWHERE}"`;
  if (end === quote || at < text.length) return token;
  return token.slice(0, token.length - end.length) + quote;
}

/** Reads a function's name, and the address that belongs to it where that has no quotes. */
function enter(reading: Reading, name: string, within: Bracket | undefined): void {
  const { text, out, open } = reading;
  const plain = plainName(name);
  if (within?.nameAt !== undefined && !PLAIN.test(plain)) within.mayTakeOtherText = true;
  QUOTE_NEXT.lastIndex = reading.at;
  if (plain === 'url' && !QUOTE_NEXT.test(text)) {
    UNQUOTED.lastIndex = reading.at;
    const [address = '', inner = '', end] = UNQUOTED.exec(text) ?? [];
    reading.at += address.length;
    out.push(end === ')' && INNER.test(inner) ? `url(${address}` : `url(${NOWHERE})`);
    return;
  }
  const takesAddress = TAKES_ADDRESS.test(plain);
  if (takesAddress) open.push({ closedBy: ')', nameAt: out.length, mayTakeOtherText: !PLAIN.test(plain) });
  else if (within !== undefined) open.push({ closedBy: ')', mayTakeOtherText: false });
  out.push(`${name}(`);
}

/** Renames a function that may take another text: browsers ignore what they do not know. */
function leave({ out }: Reading, bracket: Bracket | undefined): void {
  if (bracket?.nameAt === undefined || !bracket.mayTakeOtherText) return;
  out[bracket.nameAt] = `${out[bracket.nameAt]?.slice(0, -1)}_(`;
}

/** A name in lower case, without escapes. */
function plainName(name: string): string {
  const whole = name.replace(
    /\\(?:([\da-f]{1,6})(?:\r\n|[ \t\n\r\f])?|([\s\S]))/gi,
    (_, hex?: string, other?: string) =>
      hex === undefined ? (other ?? '') : characterOf(Number.parseInt(hex, 16)),
  );
  return whole.toLowerCase();
}

const characterOf = (point: number): string =>
  point === 0 || point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point);
