/** The times within a recording of which nothing was recorded. */
import type { Event } from '../api/client.js';
import { counted } from '../format/number.js';
import type { Span } from './player.js';
import type { PlacedChunk } from './times.js';

export interface Gap extends Span {
  /** In words; '' where unknown. */
  reason: string;
}

/** The SDK's reasons in words. */
const REASONS: Readonly<Record<string, string>> = {
  burst: 'the page changed too much at once',
  cost: 'recording would have slowed the page down',
  size: 'the page was too large',
  uplink: 'the connection was too slow',
  idle: 'nobody used the page',
};

/** Shorter gaps are not shown: every recording has pauses. */
const GAP_MS = 1_000;

/** Gaps that the recorder reported, and missing chunks; `spans` are of the chunks fetched so far. */
export function gapsOf(
  references: readonly PlacedChunk[],
  spans: readonly Span[],
  events: readonly Event[],
): Gap[] {
  const gaps = events.flatMap(({ name, props, ts, client_ts }): Gap[] => {
    const { from, to, reason } = props ?? {};
    if (name !== '$replay_gap' || typeof from !== 'number' || typeof to !== 'number') return [];
    // Props are as they were sent: these times are by the device's clock, which the collector put right for the event.
    const shift = client_ts === undefined ? 0 : ts - client_ts;
    const told = typeof reason === 'string' ? (REASONS[reason] ?? reason) : '';
    return [{ from: from + shift, to: to + shift, reason: told }];
  });
  for (const [index, reference] of references.entries()) {
    const before = references[index - 1];
    if (before === undefined || reference.seq === before.seq + 1 || reference.begin === undefined) continue;
    const { begin: next } = reference;
    const known = spans.filter((span) => span.from < next).map(({ to }) => Math.min(to, next));
    const from = Math.max(before.begin ?? 0, ...known);
    const missing = counted(reference.seq - before.seq - 1, 'chunk');
    if (from > 0) gaps.push({ from, to: next, reason: `${missing} did not arrive` });
  }
  return gaps.filter(({ from, to }) => to - from >= GAP_MS).sort((a, b) => a.from - b.from);
}
