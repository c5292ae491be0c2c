/** Tables as CSV (RFC 4180) that no spreadsheet takes for formulas. */

export type Cell = string | number;

/** What spreadsheets take a cell for a formula by; a leading apostrophe makes it text again. */
const FORMULA_START = /^[=+\-@\t\r\n＝＋－＠]/;
const NEEDS_QUOTES = /[",;\t\r\n]/;

/** The header and the rows, each ended by CRLF; the mark at the beginning says that it is UTF-8. */
export function toCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return `\ufeff${[header, ...rows].map((cells) => `${cells.map(toCell).join(',')}\r\n`).join('')}`;
}

function toCell(value: Cell): string {
  if (typeof value === 'number') return `${value}`;
  const text = FORMULA_START.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
