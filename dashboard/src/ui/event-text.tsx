/** An event in one line: its name, and the props that tell it from others of that name. */
import type { Event, Json, Props } from '../api/client.js';
import { duration } from '../format/time.js';
import { href } from '../router.js';
import { eventLabel } from './event-label.js';

const SUMMARY_PROPS_MAX = 4;
const SUMMARY_TEXT_MAX = 40;

export const isIncident = ({ type }: Event): boolean => type === 'error' || type === 'bug_report';

export const incidentHref = (event: Event): string => href('/incidents/:id', { id: `${event.id}` });

export const userHref = ({ app, user_id }: { app: string; user_id: string }): string =>
  href('/users/:app/:id', { app, id: user_id });

/** The recording of a session, at a moment (Unix ms). */
export const replayHref = ({ app, session_id }: { app: string; session_id: string }, ts?: number): string =>
  href('/replay/:app/:session', { app, session: session_id }, { t: ts === undefined ? undefined : `${ts}` });

/** The second half of the line, by type: status and duration, severity, place, title or first props. */
export function EventSummary({ event }: { event: Event }) {
  const { type, props = {} } = event;
  const { note } = eventLabel(event);
  if (note !== undefined) return <span class="soft">{note}</span>;
  if (type === 'network') return <NetworkSummary props={props} />;
  if (type === 'bug_report') return <Severity value={text(props.severity)} />;
  if (type === 'error') {
    const times = typeof props.count === 'number' && props.count > 1 ? ` × ${props.count}` : '';
    return <span class="soft">{[place(props), times].join('')}</span>;
  }
  if (type === 'pageview') return <span class="soft">{text(props.title)}</span>;
  return <span class="soft">{firstProps(props)}</span>;
}

export function Severity({ value }: { value: string }) {
  return value === '' ? null : <span class={`tag ${value}`}>{value}</span>;
}

function NetworkSummary({ props }: { props: Props }) {
  const { status, duration_ms } = props;
  return (
    <>
      {typeof status === 'number' && <StatusTag status={status} />}{' '}
      {typeof duration_ms === 'number' && <span class="soft">{duration(duration_ms)}</span>}
    </>
  );
}

export function StatusTag({ status }: { status: unknown }) {
  if (typeof status !== 'number') return <span class="tag">–</span>;
  return <span class={isFailed(status) ? 'tag bad' : 'tag'}>{status === 0 ? 'failed' : status}</span>;
}

export const isFailed = (status: unknown): boolean =>
  typeof status === 'number' && (status === 0 || status >= 400);

/** Where an error was thrown: `InvoiceSummary.tsx:48`. */
function place({ source, line }: Props): string {
  if (typeof source !== 'string') return '';
  const file = source.split(/[?#]/, 1)[0]?.split('/').pop() ?? '';
  return typeof line === 'number' ? `${file}:${line}` : file;
}

function firstProps(props: Props): string {
  return Object.entries(props)
    .filter(([, value]) => typeof value !== 'object' || value === null)
    .slice(0, SUMMARY_PROPS_MAX)
    .map(([name, value]) => `${name}: ${String(value).slice(0, SUMMARY_TEXT_MAX)}`)
    .join(' · ');
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
