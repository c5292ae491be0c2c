/** What goes wrong in the made-up app: releases that break a page for hours, an API that is down, and stray errors. */
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import { randomFrom } from './random.js';
import { call, note, type Visit } from './visit.js';

type FaultKind = keyof typeof FAULTS;

/** Something is broken for everybody between two moments (Unix ms). */
export interface Outage {
  kind: FaultKind;
  from: number;
  to: number;
}

/** Share of days. */
const OUTAGE_SHARE = 0.4;
const TITLE_MAX = 80;
const ORIGIN = 'https://stock.harborline.example';

/** What breaks: the stack of its error, with paths below `ORIGIN`, and what people write about it. */
const FAULTS = {
  invoice_total: {
    stack: `TypeError: Cannot read properties of undefined (reading 'total')
      at InvoiceSummary (src/pages/invoices/InvoiceSummary.tsx:48:31)
      at renderWithHooks (node_modules/react-dom/client.js:5529:22)
      at InvoiceForm.onReview (src/pages/invoices/InvoiceForm.tsx:131:9)
      at submit (src/components/Form.tsx:64:14)`,
    complaints: [
      'Review button does nothing. I press it on a new invoice and the page goes blank. It worked yesterday.',
      'The invoice summary stays empty once I have added three lines, and I cannot send the invoice.',
      'Cannot finish an invoice. Tried twice, in two browsers. The customer is on the phone, please look soon.',
    ],
  },
  item_api_down: {
    stack: `HttpError: GET /api/items answered 503 Service Unavailable
      at request (src/api/client.ts:37:11)
      at async loadItems (src/api/items.ts:22:16)
      at async ItemList.loader (src/pages/items/ItemList.tsx:19:20)`,
    complaints: [
      'The item list will not load, only the grey boxes, for ten minutes now.',
      'Every search comes back empty, even for pallets that I can see from here.',
    ],
  },
  count_date: {
    stack: `RangeError: Invalid time value
      at Date.toISOString (<anonymous>)
      at countLabel (src/pages/counts/label.ts:12:27)
      at CountSheet (src/pages/counts/CountSheet.tsx:77:18)
      at renderWithHooks (node_modules/react-dom/client.js:5529:22)`,
    complaints: [
      'Stock count crashes on start. Bay 14, handheld 7. It says "Invalid time value" as soon as I open the sheet.',
      'Forty positions scanned, then the page died. Do I have to scan them all again?',
    ],
  },
};
export const FAULT_KINDS = ['invoice_total', 'item_api_down', 'count_date'] as const;
const STRAY_STACKS = [
  `ChunkLoadError: Loading chunk reports-4f1a9 failed
    at importWithRetry (src/router/lazy.ts:18:11)
    at async Route.load (src/router/Route.tsx:41:5)`,
  `TypeError: Failed to fetch
    at request (src/api/client.ts:29:26)
    at async saveDraft (src/pages/invoices/draft.ts:15:3)`,
  `ReferenceError: BarcodeDetector is not defined
    at startScanner (src/scanner/scanner.ts:9:20)
    at ScanButton.onClick (src/scanner/ScanButton.tsx:26:7)`,
  `TypeError: Cannot set properties of null (setting 'scrollTop')
    at restoreScroll (src/components/Table.tsx:203:23)
    at Table (src/components/Table.tsx:88:5)`,
];
const SMALL_COMPLAINTS = [
  'Could the supplier column be sortable?',
  'The date picker starts its week on Sunday here, confusing.',
  'Print view cuts the last line of long invoices.',
  'I was logged out in the middle of a count again.',
  'The scan button is hard to hit with gloves on.',
];

/** The outages that begin on a day (days since 1970): none on most days. */
export function outagesOn(seed: number, day: number): Outage[] {
  const random = randomFrom(seed, 'outages', day);
  if (!random.chance(OUTAGE_SHARE)) return [];
  const kind = random.weighted(FAULT_KINDS, [6, 3, 3]);
  const hours = kind === 'item_api_down' ? 1 : random.int(3, 7);
  const from = day * DAY_MS + Math.round((6 + random.next() * 7) * HOUR_MS);
  return [{ kind, from, to: from + hours * HOUR_MS }];
}

/** The visitor meets what is broken: adds errors, sometimes a bug report. Returns whether anything was broken. */
export function stumble(visit: Visit, outages: readonly Outage[], kind: FaultKind): boolean {
  const broken = outages.some(
    (outage) => outage.kind === kind && visit.at >= outage.from && visit.at < outage.to,
  );
  if (!broken || visit.random.chance(0.15)) return false;
  // People press the same button again when nothing happens.
  const attempts = visit.random.weighted([1, 2, 3, 5], [5, 4, 2, 1]);
  for (let i = 0; i < attempts; i++) {
    if (kind === 'item_api_down') call(visit, 'GET', '/api/items', 503, 4_000);
    fail(visit, FAULTS[kind].stack);
  }
  if (visit.random.chance(0.2)) report(visit, FAULTS[kind].complaints, ['medium', 'high', 'high']);
  return true;
}

/** An error that has nothing to do with an outage. */
export function strayError(visit: Visit): void {
  fail(visit, visit.random.pick(STRAY_STACKS));
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

function fail(visit: Visit, template: string): void {
  const stack = template.replace(/\n +/g, '\n    ').replace(/\((src|node_modules)\//g, `(${ORIGIN}/$1/`);
  const [title = ''] = stack.split('\n');
  const [, source, line, column] = /\((https:.+):(\d+):(\d+)\)/.exec(stack) ?? [];
  note(visit, 'error', title, {
    kind: stack.includes('at async ') ? 'unhandledrejection' : 'error',
    stack,
    source,
    line: Number(line),
    column: Number(column),
  });
  visit.at += visit.random.wait(3_000);
}
