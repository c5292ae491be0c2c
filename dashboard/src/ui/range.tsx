/** The time range of a view, in the address: a preset as `range=7d`, or `from` and `to` (Unix ms). */
import { useMemo, useRef } from 'preact/hooks';
import { DAY_MS, dayOf, dayStart } from '../format/time.js';
import { type Address, type QueryPatch, setQuery, useAddress } from '../router.js';
import { Button } from './button.js';
import { isChoice } from './filters.js';
import { useNow } from './time.js';

const PRESETS = {
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
  '90d': 'Last 90 days',
  all: 'All time',
} as const;
type Preset = keyof typeof PRESETS;

const DAYS: Readonly<Record<Exclude<Preset, '24h' | 'all'>, number>> = { '7d': 7, '30d': 30, '90d': 90 };
const MINUTE_MS = 60_000;

export interface Range {
  /** Unix ms, inclusive; absent where unbounded. */
  from?: number;
  to?: number;
  /** `Last 7 days`. */
  label: string;
  /** `in the last 7 days`. */
  within: string;
  preset: Preset | 'custom';
}

/** The range in the address, else `byDefault`: whole UTC days, except the last 24 hours. */
export function useRange(byDefault: Preset = '7d'): Range {
  const { query } = useAddress();
  const minute = Math.floor(useNow() / MINUTE_MS) * MINUTE_MS;
  const [from, to, range] = [query.get('from'), query.get('to'), query.get('range') ?? ''];
  return useMemo(() => {
    const bounds = { ...bound('from', from), ...bound('to', to) };
    if (bounds.from !== undefined || bounds.to !== undefined)
      return { ...bounds, ...customWords(bounds), preset: 'custom' };
    const preset = isChoice(PRESETS, range) ? range : byDefault;
    const label = PRESETS[preset];
    const within = preset === 'all' ? 'so far' : `in the ${label.toLowerCase()}`;
    return { ...presetBounds(preset, minute), label, within, preset };
  }, [from, to, range, minute, byDefault]);
}

/** The app and the range of the address, for a link. */
export const appAndRange = ({ query }: Address): QueryPatch =>
  Object.fromEntries(['app', 'range', 'from', 'to'].map((name) => [name, query.get(name) ?? '']));

function presetBounds(preset: Preset, now: number): { from?: number } {
  if (preset === 'all') return {};
  if (preset === '24h') return { from: now - DAY_MS };
  return { from: dayStart(dayOf(now)) - (DAYS[preset] - 1) * DAY_MS };
}

function bound(name: 'from' | 'to', text: string | null): { from?: number; to?: number } {
  return text !== null && /^\d{1,15}$/.test(text) ? { [name]: Number(text) } : {};
}

function customWords({ from, to }: { from?: number; to?: number }): Pick<Range, 'label' | 'within'> {
  const label =
    from === undefined
      ? `Until ${dayOf(to ?? 0)}`
      : to === undefined
        ? `Since ${dayOf(from)}`
        : `${dayOf(from)} – ${dayOf(to)}`;
  return { label, within: label.replace(/^[US]/, (letter) => letter.toLowerCase()) };
}

/** Presets, and a dialog for two UTC days, both included. */
export function RangePicker({ range }: { range: Range }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const choose = (preset: string) => {
    if (preset.startsWith('custom')) dialog.current?.showModal();
    else setQuery({ range: preset, from: undefined, to: undefined }, 'push');
  };
  return (
    <div class="range">
      <select
        class="select"
        aria-label="Time range"
        value={range.preset}
        onChange={(event) => {
          choose(event.currentTarget.value);
          event.currentTarget.value = range.preset;
        }}
      >
        {Object.entries(PRESETS).map(([preset, label]) => (
          <option key={preset} value={preset}>
            {label}
          </option>
        ))}
        {range.preset === 'custom' && <option value="custom">{range.label}</option>}
        <option value={range.preset === 'custom' ? 'custom-again' : 'custom'}>Custom …</option>
      </select>
      <CustomRange dialog={dialog} range={range} />
    </div>
  );
}

function CustomRange({ dialog, range }: { dialog: { current: HTMLDialogElement | null }; range: Range }) {
  const now = Date.now();
  return (
    <dialog ref={dialog} class="dialog" aria-label="Custom time range">
      <form
        method="dialog"
        onSubmit={(event) => {
          const data = new FormData(event.currentTarget);
          const [first, last] = [String(data.get('first')), String(data.get('last'))].sort();
          setQuery(
            {
              range: undefined,
              from: first ? `${dayStart(first)}` : undefined,
              to: last ? `${dayStart(last) + DAY_MS - 1}` : undefined,
            },
            'push',
          );
        }}
      >
        <h2>Custom range</h2>
        <label class="stacked">
          First day
          <input type="date" name="first" required defaultValue={dayOf(range.from ?? now)} />
        </label>
        <label class="stacked">
          Last day
          <input type="date" name="last" required defaultValue={dayOf(range.to ?? now)} />
        </label>
        <p class="soft">Days are UTC; both are included.</p>
        <div class="dialog-buttons">
          <Button onClick={() => dialog.current?.close()}>Cancel</Button>
          <button type="submit" class="button primary">
            Show
          </button>
        </div>
      </form>
    </dialog>
  );
}
