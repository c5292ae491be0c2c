/** What all users do: daily users, errors by day, a funnel, top events and pages. */
import { useRef } from 'preact/hooks';
import type { Answers, CountedDay, CountedName } from '../../api/client.js';
import { type Query, useQuery } from '../../api/use-query.js';
import { count, percent } from '../../format/number.js';
import { useParam } from '../../router.js';
import { Button } from '../../ui/button.js';
import type { Tone } from '../../ui/chart.js';
import { DayChart } from '../../ui/day-chart.js';
import { Panel } from '../../ui/panel.js';
import { type Range, RangePicker, useRange } from '../../ui/range.js';
import { SaveButtons } from '../../ui/save-buttons.js';
import { Empty, Loaded } from '../../ui/states.js';
import { Funnel } from './funnel.js';

type Aggregates = Answers['aggregates'];

const TOP = 10;
const TOP_MORE = 50;

export function InsightsView() {
  const [app] = useParam('app');
  const [top, setTop] = useParam('top');
  const range = useRange('30d');
  const limit = top === '' ? TOP : TOP_MORE;
  const { from, to } = range;
  const query = useQuery('aggregates', { app, from, to, limit }, { keep: true });
  return (
    <div class="page insights">
      <div class="page-head">
        <h1>Insights</h1>
        <div class="end">
          <RangePicker range={range} />
        </div>
      </div>
      <div class="insights-grid">
        <DayPanel
          title="Daily active users"
          name="daily-users"
          unit="users"
          query={query}
          range={range}
          days={({ dau }) => dau}
        />
        <DayPanel
          title="Errors by day"
          name="errors-by-day"
          unit="errors"
          tone="error"
          query={query}
          range={range}
          days={({ errors_by_day }) => errors_by_day}
        />
        <div class="insights-wide">
          <Funnel app={app} range={range} />
        </div>
        <TopPanel title="Top events" name="top-events" query={query} rows={({ top_events }) => top_events} />
        <TopPanel
          title="Top pages"
          name="top-pages"
          tone="pageview"
          query={query}
          rows={({ top_pages }) => top_pages}
        />
      </div>
      <p class="insights-more">
        <Button onClick={() => setTop(top === '' ? `${TOP_MORE}` : '', 'push')}>
          {top === '' ? `Show the top ${TOP_MORE}` : `Show the top ${TOP}`}
        </Button>
      </p>
    </div>
  );
}

interface DayPanelProps {
  title: string;
  /** Of the files. */
  name: string;
  unit: string;
  tone?: Tone;
  query: Query<Aggregates>;
  range: Range;
  days: (data: Aggregates) => CountedDay[];
}

function DayPanel({ title, name, query, days, ...chart }: DayPanelProps) {
  const svg = useRef<SVGSVGElement>(null);
  const rows = query.data === undefined ? [] : days(query.data).map(({ day, count }) => [day, count]);
  const header = ['day_utc', chart.unit];
  return (
    <Panel
      title={title}
      end={<SaveButtons title={title} name={name} header={header} rows={rows} svg={svg} />}
    >
      <div class="panel-body">
        <Loaded query={query} lines={5}>
          {(data) => (
            <DayChart days={days(data)} label={`${title}, ${chart.range.label}`} svg={svg} {...chart} />
          )}
        </Loaded>
      </div>
    </Panel>
  );
}

interface TopPanelProps {
  title: string;
  name: string;
  tone?: Tone;
  query: Query<Aggregates>;
  rows: (data: Aggregates) => CountedName[];
}

function TopPanel({ title, name, tone = 'accent', query, rows }: TopPanelProps) {
  const cells = query.data === undefined ? [] : rows(query.data).map(({ name, count }) => [name, count]);
  const header = ['name', 'count'];
  return (
    <Panel title={title} end={<SaveButtons title={title} name={name} header={header} rows={cells} />}>
      <div class="panel-body">
        <Loaded query={query} lines={8}>
          {(data) => <TopTable rows={rows(data)} label={title} tone={tone} />}
        </Loaded>
      </div>
    </Panel>
  );
}

function TopTable({ rows, label, tone }: { rows: readonly CountedName[]; label: string; tone: Tone }) {
  const max = rows[0]?.count ?? 1;
  if (rows.length === 0) return <Empty title="None in this range" />;
  return (
    <table class={`top-table tone-${tone}`} aria-label={label}>
      <thead>
        <tr>
          <th>Name</th>
          <th class="top-count">Count</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, count: times }) => (
          <tr key={name}>
            <td class="top-name">
              <span class="top-bar" style={{ width: `${(times / max) * 100}%` }} />
              <span class="top-text cut" title={`${name}: ${percent(times / max)} of the first`}>
                {name}
              </span>
            </td>
            <td class="top-count">{count(times)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
