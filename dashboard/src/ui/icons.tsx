/** Icons, drawn in the colour of the text around them. */
import type { EventType } from '../api/client.js';

const PATHS = {
  event: 'M8 3.5 12.5 8 8 12.5 3.5 8Z',
  pageview: 'M2.5 3.5h11v9h-11zM2.5 6.5h11',
  network: 'M3 6h9.5M10 3.5 12.5 6 10 8.5M13 10.5H3.5M6 8 3.5 10.5 6 13',
  error: 'M8 2.5 14 13H2ZM8 6.5v3M8 11.2v.3',
  bug_report: 'M3.5 14V3M3.5 3.5h8.5L10 6.5l2 3H3.5',
  play: 'M5 3.5v9l7-4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  close: 'M4 4l8 8M12 4l-8 8',
  down: 'M4 6l4 4 4-4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  up: 'M4 10l4-4 4 4',
  link: 'M6.5 9.5l3-3M7 4.5l1-1a3 3 0 0 1 4.5 4.5l-1 1M9 11.5l-1 1A3 3 0 0 1 3.5 8l1-1',
  live: 'M1.5 8h3l2-5 3 10 2-5h3',
  users:
    'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 2.7a2.5 2.5 0 0 1 0 4.6M12 9.8c1.6.6 2.5 1.9 2.5 3.7',
  insights: 'M2.5 13.5v-4M6.2 13.5v-8M9.8 13.5v-6M13.5 13.5v-11',
  check: 'M3 8.5 6.5 12 13 4.5',
} as const;

export type IconName = keyof typeof PATHS;

/** Hidden from screen readers: the text beside it says the same. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.5"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

export const TYPE_LABELS: Readonly<Record<EventType, string>> = {
  event: 'Event',
  pageview: 'Page view',
  network: 'Network',
  error: 'Error',
  bug_report: 'Bug report',
};

export function TypeIcon({ type }: { type: EventType }) {
  return (
    <span class={`type-icon type-${type}`} title={TYPE_LABELS[type]}>
      <Icon name={type} size={14} />
      <span class="hidden">{TYPE_LABELS[type]}</span>
    </span>
  );
}
