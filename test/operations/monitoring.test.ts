/** The dashboard and the alert rules that come along: they parse, and ask for nothing that a collector does not tell. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { startCollector } from '../support/collector.js';
import { apps, ask, event, store } from '../support/http.js';
import { upload } from '../support/replay.js';
import { scrape } from '../support/scrape.js';

interface Panel {
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}
interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string };
}

const read = (name: string): string => readFileSync(`docs/operations/${name}`, 'utf8');
const dashboard = JSON.parse(read('grafana.json')) as {
  uid: string;
  panels: Panel[];
  templating: { list: { name: string }[] };
};
const { groups } = parse(read('alerts.yml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

const c = await startCollector({ apps: apps('inventory') });
t.teardown(() => c.close());
await store(c.url, 'inventory', [event()]);
await upload(c.url, { app: 'inventory', session: 's_1', seq: 1 });
await ask(c.url, '/v1/query/events');
const series = [...(await scrape(c.url)).keys()].map((one) => {
  const [, name = '', labels = ''] = /^([^{]+)(?:\{(.*)\})?$/.exec(one) ?? [];
  return { name, labels: labelsOf(labels) };
});

function labelsOf(text: string): Map<string, { operator: string; value: string }> {
  const found = text.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g);
  return new Map([...found].map(([, name = '', operator = '', value = '']) => [name, { operator, value }]));
}

/** What Prometheus adds to a scrape by itself. */
const ADDED_LABELS = new Set(['job', 'instance', 'le']);
const ADDED_METRICS = new Set(['up']);

/** Every metric of an expression with what its series must carry. */
function selectors(expr: string): { name: string; labels: ReturnType<typeof labelsOf> }[] {
  const found = expr.matchAll(/\b(up|(?:spyglass|process|nodejs)_\w+)\b(?:\{([^}]*)\})?/g);
  return [...found].map(([, name = '', labels = '']) => ({ name, labels: labelsOf(labels) }));
}

/** Why no series of a collector is one that is asked for, or nothing. */
function missing(expr: string): string[] {
  return selectors(expr).flatMap(({ name, labels }) => {
    if (ADDED_METRICS.has(name)) return [];
    const named = series.filter((one) => one.name === name);
    if (named.length === 0) return [`there is no ${name}`];
    const asked = [...labels].filter(([label]) => !ADDED_LABELS.has(label));
    const fits = named.some((one) =>
      asked.every(([label, { operator, value }]) => {
        const has = one.labels.get(label)?.value;
        return has !== undefined && (operator !== '=' || has === value);
      }),
    );
    return fits ? [] : [`no series of ${name} is as ${expr} has it`];
  });
}

t.test('every metric that is looked at is there', async (t) => {
  const looked = [...panels.flatMap(({ targets = [] }) => targets), ...rules].map(({ expr }) => expr);
  t.ok(looked.length > 50);
  for (const expr of looked) {
    t.ok(selectors(expr).length > 0, expr);
    t.same(missing(expr), []);
  }
  t.same(missing('rate(spyglass_no_such_total[5m])'), ['there is no spyglass_no_such_total']);
  t.equal(missing('spyglass_ingest_requests_total{route="nowhere"}').length, 1);
  t.equal(missing('spyglass_store_head{route="events"}').length, 1);
});

t.test('every metric of ours that is told is looked at', async (t) => {
  const all = read('grafana.json') + read('alerts.yml');
  const untold = new Set(
    series
      .map(({ name }) => name.replace(/_(bucket|count|sum)$/, ''))
      .filter((name) => name.startsWith('spyglass_') && !all.includes(name)),
  );
  t.same([...untold], ['spyglass_store_committed_batches_total']);
});

t.test('the dashboard’s panels have names, places of their own, and filters that exist', async (t) => {
  t.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  const cells = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    t.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        t.notOk(cells.has(`${x},${y}`), `${title} lies on another one`);
        cells.add(`${x},${y}`);
      }
    }
  }
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  for (const [, name = ''] of read('grafana.json').matchAll(/\$\{?(\w+)/g)) {
    if (!name.startsWith('__')) t.ok(variables.has(name), name);
  }
});

t.test('every rule says how bad it is and where, and is explained', async (t) => {
  const page = readFileSync('docs/deploy.md', 'utf8');
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, labels, annotations, for: wait } of rules) {
    t.match(labels.severity, /^(page|ticket)$/, alert);
    t.match(annotations.summary, '{{ $labels.instance }}', alert);
    if (wait !== undefined) t.match(wait, /^\d+[mh]$/);
    t.match(page, `\`${alert}\``, `docs/deploy.md explains ${alert}`);
  }
});
