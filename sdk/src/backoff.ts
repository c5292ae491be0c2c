/** How long to wait before another try. */

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** A collector that asks for more is misread, or will not be back while this page lives. */
export const ASKED_MS_MAX = 3_600_000;

/**
 * The pause in ms before try `attempt` (0-based): it doubles up to half a minute, and is spread over its upper half so that
 * pages which failed together do not come back together. Never less than `askedMs`, what the collector's `Retry-After` says;
 * a date, which that may be as well, is NaN here, and none that collectors send.
 */
export function pause(attempt: number, askedMs = 0, random: () => number = Math.random): number {
  const spread = 0.5 + random() / 2;
  return Math.max(
    Math.min(FIRST_MS * 2 ** attempt, LONGEST_MS) * spread,
    Math.min(askedMs || 0, ASKED_MS_MAX) * (0.5 + spread),
  );
}
