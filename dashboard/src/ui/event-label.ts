/** Labels of the events that the SDK records by itself, whose names begin with `$`. */
import type { Event, Json } from '../api/client.js';
import { duration } from '../format/time.js';

/** The SDK's own events have a note, all others are described by their summary. */
export function eventLabel({ name, props = {} }: Event): { label: string; note?: string } {
  const { text, selector, field, metric, value, rating, count } = props;
  switch (name) {
    case '$click':
      return { label: `Click ${quoted(text)}`.trim(), note: plain(selector) };
    case '$rage_click':
      return { label: `Rage click, ${plain(count)} times`, note: plain(selector) };
    case '$form_change':
      return { label: 'Field changed', note: plain(field) };
    case '$web_vital':
      return { label: `${plain(metric)} ${measured(metric, value)}`, note: plain(rating) };
    case '$replay_gap':
      return { label: 'Not recorded for a while', note: '' };
    default:
      return { label: name };
  }
}

const plain = (value: Json | undefined): string =>
  typeof value === 'string' || typeof value === 'number' ? `${value}` : '';
const quoted = (value: Json | undefined): string => (plain(value) === '' ? '' : `“${plain(value)}”`);

/** Layout shift has no unit; everything else is ms. */
function measured(metric: Json | undefined, value: Json | undefined): string {
  if (typeof value !== 'number') return '';
  return metric === 'CLS' ? value.toFixed(3) : duration(value);
}
