/** Tables as CSV (RFC 4180) without cells that a spreadsheet would run as formulas. */

export type Cell = string | number;

/** A cell that begins so is a formula to spreadsheets; a leading apostrophe makes it text. */
const FORMULA_START = /^[=+\-@\t\r\n＝＋－＠]/;
const NEEDS_QUOTES = /[",;\t\r\n]/;

/** The header and the rows, each ended by CRLF, after a byte order mark. */
export function toCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return `\ufeff${[header, ...rows].map((cells) => `${cells.map(toCell).join(',')}\r\n`).join('')}`;
}

function toCell(value: Cell): string {
  if (typeof value === 'number') return `${value}`;
  const text = FORMULA_START.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
