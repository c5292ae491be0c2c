/** The jobs people do in the made-up inventory app, each a scene that adds its events to a visit. */
import { type Outage, smallComplaint, strayError, stumble } from './faults.js';
import type { Employee, Role } from './people.js';
import type { Random } from './random.js';
import { act, call, open, type Visit } from './visit.js';

/** Adds the events of one job; may end early, as people do. */
type Scene = (visit: Visit, outages: readonly Outage[]) => void;

const CATEGORIES = ['pallets', 'fasteners', 'cable', 'pumps', 'valves', 'packaging', 'lighting', 'bearings'];
const SEARCHES =
  'm8 hex bolt, ip65 lamp, ball valve 1/2", euro pallet, cat6 50m, label roll, gear pump'.split(', ');
const SUPPLIERS =
  'Nordmetall, Brightline Lighting, Pacific Fasteners, Vandermeer Packaging, Kestrel Pumps'.split(', ');
const WAREHOUSES = ['RTM-1', 'RTM-2', 'CHI-1', 'SIN-1'];
const REPORTS = ['stock-value', 'turnover', 'shortages', 'supplier-delays'];
const STRAY_ERROR_SHARE = 0.008;
const COMPLAINT_SHARE = 0.002;

/** What each role does, and how often: `weights[i]` belongs to `scenes[i]`. */
const JOBS: Record<Role, { scenes: Scene[]; weights: number[] }> = {
  warehouse: { scenes: [browse, count, receive, tour, setting], weights: [4, 5, 4, 0.4, 0.3] },
  purchasing: { scenes: [browse, purchase, report, tour, setting], weights: [4, 6, 1, 0.4, 0.3] },
  sales: { scenes: [browse, invoice, report, tour, setting], weights: [4, 8, 1, 0.4, 0.3] },
  finance: { scenes: [invoice, report, browse], weights: [3, 5, 1] },
  management: { scenes: [report, browse, dashboardOnly], weights: [5, 2, 4] },
};

/** Plays a visit that begins at `at` (Unix ms): arriving, a few jobs of the person's role, and sometimes signing out. */
export function play(employee: Employee, random: Random, at: number, outages: readonly Outage[]): Visit {
  const visit: Visit = { id: `s_${random.hex(16)}`, employee, random, events: [], at, url: '/' };
  arrive(visit);
  const { scenes, weights } = JOBS[employee.role];
  const jobs = random.weighted([1, 2, 3, 4], [4, 4, 2, 1]);
  for (let i = 0; i < jobs; i++) {
    random.weighted(scenes, weights)(visit, outages);
    if (random.chance(STRAY_ERROR_SHARE)) strayError(visit);
    if (random.chance(COMPLAINT_SHARE)) smallComplaint(visit);
  }
  if (random.chance(0.3)) act(visit, 'signed_out');
  return visit;
}

function arrive(visit: Visit): void {
  const { random } = visit;
  open(visit, '/login');
  call(visit, 'POST', '/api/session', random.chance(0.04) ? 401 : 201, 160);
  act(visit, 'signed_in', { method: random.chance(0.7) ? 'sso' : 'password' });
  open(visit, '/dashboard', { referrer: '/login' });
  call(visit, 'GET', '/api/dashboard', 200, 210);
}

/** The tour of a new release; not everybody finishes it. */
function tour(visit: Visit): void {
  const { random } = visit;
  open(visit, '/whats-new');
  act(visit, 'tour_started', { release: random.pick(['4.12', '4.13', '4.14']) });
  if (random.chance(0.38)) return;
  act(visit, 'tour_finished', { steps: 6 });
  if (random.chance(0.3))
    act(visit, 'feature_enabled', { feature: random.pick(['bulk scan', 'shortcuts', 'dark mode']) });
}

function dashboardOnly(visit: Visit): void {
  open(visit, '/dashboard');
  act(visit, 'dashboard_range_changed', { range: visit.random.pick(['7d', '30d', 'quarter']) });
}

function browse(visit: Visit, outages: readonly Outage[]): void {
  const { random } = visit;
  open(visit, '/items');
  if (stumble(visit, outages, 'item_api_down')) return;
  call(visit, 'GET', '/api/items');
  const rounds = random.int(1, 3);
  for (let i = 0; i < rounds; i++) {
    const query = random.pick(SEARCHES);
    const results = random.chance(0.1) ? 0 : random.int(1, 64);
    act(visit, 'item_searched', { query, results });
    call(visit, 'GET', '/api/items/search', 200, 140);
    if (results === 0) continue;
    const item = itemNumber(visit);
    open(visit, `/items/${item}`);
    act(visit, 'item_viewed', { item, category: random.pick(CATEGORIES), in_stock: random.int(0, 900) });
  }
  if (random.chance(0.25))
    act(visit, 'list_filtered', { by: random.pick(['category', 'warehouse', 'supplier']) });
}

/** The invoice funnel: started → lines added → reviewed → created → sent. Some people stop at each step. */
function invoice(visit: Visit, outages: readonly Outage[]): void {
  const { random } = visit;
  open(visit, '/invoices');
  call(visit, 'GET', '/api/invoices');
  if (random.chance(0.3)) {
    const number = random.int(1_000, 1_900);
    open(visit, `/invoices/${number}`);
    act(visit, 'invoice_viewed', { invoice: number });
    return;
  }
  open(visit, '/invoices/new');
  act(visit, 'invoice_started', { from: random.pick(['list', 'customer', 'shortcut']) });
  if (random.chance(0.17)) return;
  const lines = random.int(1, 9);
  act(visit, 'invoice_lines_added', { lines });
  call(visit, 'GET', '/api/prices', 200, 120);
  if (random.chance(0.14)) return;
  if (stumble(visit, outages, 'invoice_total')) return;
  act(visit, 'invoice_reviewed', { lines });
  if (random.chance(0.09)) return;
  call(visit, 'POST', '/api/invoices', random.chance(0.01) ? 409 : 201, 320);
  const amount = Math.round(random.wait(1_400) * 100) / 100;
  const number = random.int(1_900, 2_400);
  act(visit, 'invoice_created', {
    invoice: number,
    amount,
    currency: random.pick(['EUR', 'EUR', 'USD', 'SGD']),
    lines,
  });
  open(visit, `/invoices/${number}`);
  if (random.chance(0.82))
    act(visit, 'invoice_sent', { invoice: number, by: random.pick(['email', 'email', 'print']) });
}

/** The purchase order funnel: started → supplier chosen → submitted → approved. */
function purchase(visit: Visit): void {
  const { random } = visit;
  open(visit, '/orders');
  call(visit, 'GET', '/api/orders');
  open(visit, '/orders/new');
  act(visit, 'order_started', { from: random.pick(['shortage', 'blank', 'repeat']) });
  if (random.chance(0.2)) return;
  const supplier = random.pick(SUPPLIERS);
  act(visit, 'supplier_chosen', { supplier });
  call(visit, 'GET', '/api/suppliers/terms', 200, 380);
  if (random.chance(0.24)) return;
  call(visit, 'POST', '/api/orders', random.chance(0.02) ? 500 : 201, 280);
  const order = random.int(7_000, 7_900);
  act(visit, 'order_submitted', { order, supplier, amount: random.wait(5_200) });
  open(visit, `/orders/${order}`);
  if (random.chance(0.4)) act(visit, 'order_approved', { order });
}

/** A stock count on a handheld: many scans. */
function count(visit: Visit, outages: readonly Outage[]): void {
  const { random } = visit;
  const warehouse = random.pick(WAREHOUSES);
  open(visit, '/counts');
  if (stumble(visit, outages, 'count_date')) return;
  const sheet = random.int(300, 420);
  open(visit, `/counts/${sheet}`);
  act(visit, 'count_started', { warehouse, bay: random.int(1, 40) });
  const scans = random.int(4, 26);
  for (let i = 0; i < scans; i++)
    act(visit, 'item_scanned', { item: itemNumber(visit), quantity: random.int(1, 240) });
  if (random.chance(0.12)) return;
  call(visit, 'PUT', `/api/counts/${sheet}`, 200, 450);
  act(visit, 'count_finished', { warehouse, positions: scans, differences: random.int(0, 3) });
}

function receive(visit: Visit): void {
  const { random } = visit;
  open(visit, '/receiving');
  call(visit, 'GET', '/api/receiving/today');
  const deliveries = random.int(1, 4);
  for (let i = 0; i < deliveries; i++) {
    act(visit, 'delivery_received', { supplier: random.pick(SUPPLIERS), pallets: random.int(1, 12) });
    call(visit, 'POST', '/api/receiving', 201, 190);
    if (random.chance(0.15))
      act(visit, 'delivery_disputed', { reason: random.pick(['damaged', 'short', 'wrong item']) });
  }
}

function report(visit: Visit): void {
  const { random } = visit;
  const name = random.pick(REPORTS);
  open(visit, `/reports/${name}`);
  call(visit, 'GET', `/api/reports/${name}`, random.chance(0.02) ? 504 : 200, 1_800);
  act(visit, 'report_opened', { report: name });
  if (random.chance(0.45))
    act(visit, 'report_exported', { report: name, format: random.pick(['xlsx', 'xlsx', 'pdf']) });
}

function setting(visit: Visit): void {
  open(visit, '/settings');
  act(visit, 'settings_changed', {
    setting: visit.random.pick(['language', 'theme', 'notifications', 'default_warehouse']),
  });
}

function itemNumber(visit: Visit): string {
  return `SKU-${visit.random.int(1_000, 1_999)}`;
}
