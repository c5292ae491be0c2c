/** What goes wrong in the made-up app: releases that break a page for hours, an API that is down, and stray errors. */
import { DAY_MS } from '../domain/limits.js';
import { randomFrom } from './random.js';
import { call, note, type Visit } from './visit.js';

type FaultKind = 'invoice_total' | 'item_api_down' | 'count_date';

/** Something broken for everybody between two moments (Unix ms). */
export interface Outage {
  kind: FaultKind;
  from: number;
  to: number;
}

interface AppError {
  name: string;
  message: string;
  /** Innermost call first. */
  frames: readonly string[];
}

const HOUR_MS = 3_600_000;
/** Of days. */
const OUTAGE_SHARE = 0.4;
const TITLE_MAX = 80;
const ORIGIN = 'https://stock.harborline.example';

const INVOICE_TOTAL: AppError = {
  name: 'TypeError',
  message: "Cannot read properties of undefined (reading 'total')",
  frames: [
    'InvoiceSummary (src/pages/invoices/InvoiceSummary.tsx:48:31)',
    'renderWithHooks (node_modules/react-dom/client.js:5529:22)',
    'InvoiceForm.onReview (src/pages/invoices/InvoiceForm.tsx:131:9)',
    'submit (src/components/Form.tsx:64:14)',
  ],
};
const ITEMS_FAILED: AppError = {
  name: 'HttpError',
  message: 'GET /api/items answered 503 Service Unavailable',
  frames: [
    'request (src/api/client.ts:37:11)',
    'async loadItems (src/api/items.ts:22:16)',
    'async ItemList.loader (src/pages/items/ItemList.tsx:19:20)',
  ],
};
const COUNT_DATE: AppError = {
  name: 'RangeError',
  message: 'Invalid time value',
  frames: [
    'Date.toISOString (<anonymous>)',
    'countLabel (src/pages/counts/label.ts:12:27)',
    'CountSheet (src/pages/counts/CountSheet.tsx:77:18)',
    'renderWithHooks (node_modules/react-dom/client.js:5529:22)',
  ],
};
const STRAY_ERRORS: readonly AppError[] = [
  {
    name: 'ChunkLoadError',
    message: 'Loading chunk reports-4f1a9 failed',
    frames: ['importWithRetry (src/router/lazy.ts:18:11)', 'async Route.load (src/router/Route.tsx:41:5)'],
  },
  {
    name: 'TypeError',
    message: 'Failed to fetch',
    frames: ['request (src/api/client.ts:29:26)', 'async saveDraft (src/pages/invoices/draft.ts:15:3)'],
  },
  {
    name: 'ReferenceError',
    message: 'BarcodeDetector is not defined',
    frames: [
      'startScanner (src/scanner/scanner.ts:9:20)',
      'ScanButton.onClick (src/scanner/ScanButton.tsx:26:7)',
    ],
  },
  {
    name: 'TypeError',
    message: "Cannot set properties of null (setting 'scrollTop')",
    frames: ['restoreScroll (src/components/Table.tsx:203:23)', 'Table (src/components/Table.tsx:88:5)'],
  },
];
const BROKEN: Record<FaultKind, AppError> = {
  invoice_total: INVOICE_TOTAL,
  item_api_down: ITEMS_FAILED,
  count_date: COUNT_DATE,
};
const COMPLAINTS: Record<FaultKind, readonly string[]> = {
  invoice_total: [
    'Review button does nothing. I press it on a new invoice and the page goes blank. It worked yesterday.',
    'The invoice summary stays empty once I have added three lines, and I cannot send the invoice.',
    'Cannot finish an invoice. Tried twice, in two browsers. The customer is on the phone, please look soon.',
  ],
  item_api_down: [
    'The item list will not load, only the grey boxes, for ten minutes now.',
    'Every search comes back empty, even for pallets that I can see from here.',
  ],
  count_date: [
    'Stock count crashes on start. Bay 14, handheld 7. It says "Invalid time value" as soon as I open the sheet.',
    'Forty positions scanned, then the page died. Do I have to scan them all again?',
  ],
};
const SMALL_COMPLAINTS = [
  'Could the supplier column be sortable?',
  'The date picker starts its week on Sunday here, confusing.',
  'Print view cuts the last line of long invoices.',
  'I was logged out in the middle of a count again.',
  'The scan button is hard to hit with gloves on.',
];

/** The outages that begin on a day (days since 1970): none on most, a release that broke something on some. */
export function outagesOn(seed: number, day: number): Outage[] {
  const random = randomFrom(seed, 'outages', day);
  if (!random.chance(OUTAGE_SHARE)) return [];
  const kind = random.weighted<FaultKind>(['invoice_total', 'item_api_down', 'count_date'], [6, 3, 3]);
  const hours = kind === 'item_api_down' ? 1 : random.int(3, 7);
  const from = day * DAY_MS + Math.round((6 + random.next() * 7) * HOUR_MS);
  return [{ kind, from, to: from + Math.round(hours * HOUR_MS) }];
}

/** The visitor steps on what is broken: errors, for some a bug report. Returns whether anything was. */
export function stumble(visit: Visit, outages: readonly Outage[], kind: FaultKind): boolean {
  const broken = outages.some(
    (outage) => outage.kind === kind && visit.at >= outage.from && visit.at < outage.to,
  );
  if (!broken || visit.random.chance(0.15)) return false;
  // People press the same button again when nothing happens.
  const attempts = visit.random.weighted([1, 2, 3, 5], [5, 4, 2, 1]);
  for (let i = 0; i < attempts; i++) {
    if (kind === 'item_api_down') call(visit, 'GET', '/api/items', 503, 4_000);
    fail(visit, BROKEN[kind]);
  }
  if (visit.random.chance(0.2)) report(visit, COMPLAINTS[kind], ['medium', 'high', 'high']);
  return true;
}

/** An error of the kind that is always there somewhere. */
export function strayError(visit: Visit): void {
  fail(visit, visit.random.pick(STRAY_ERRORS));
}

/** A wish or a small annoyance, without an error behind it. */
export function smallComplaint(visit: Visit): void {
  report(visit, SMALL_COMPLAINTS, ['low', 'low', 'medium']);
}

function report(visit: Visit, comments: readonly string[], severities: readonly string[]): void {
  visit.at += visit.random.wait(18_000);
  const comment = visit.random.pick(comments);
  note(visit, 'bug_report', comment.slice(0, TITLE_MAX), {
    comment,
    severity: visit.random.pick(severities),
  });
  visit.at += visit.random.wait(4_000);
}

function fail(visit: Visit, { name, message, frames }: AppError): void {
  const title = `${name}: ${message}`;
  const stack = [
    title,
    ...frames.map((frame) => `    at ${frame.replace(/\((src|node_modules)\//, `(${ORIGIN}/$1/`)}`),
  ];
  const [, source, line, column] = /([^\s(@]+):(\d+):(\d+)/.exec(stack.join('\n')) ?? [];
  note(visit, 'error', title, {
    kind: frames.some((frame) => frame.startsWith('async ')) ? 'unhandledrejection' : 'error',
    stack: stack.join('\n'),
    source,
    line: Number(line),
    column: Number(column),
  });
  visit.at += visit.random.wait(3_000);
}
