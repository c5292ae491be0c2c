/** The pause before another try. */

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** The longest `Retry-After` that is honoured, ms. */
export const ASKED_MS_MAX = 3_600_000;

/**
 * The pause before try `attempt` (0-based), ms: it doubles up to half a minute, and is random within its upper half, so that pages
 * that failed together do not retry together. Never less than `askedMs`, the collector's `Retry-After`; NaN counts as none.
 */
export function pause(attempt: number, askedMs = 0, random: () => number = Math.random): number {
  const spread = 0.5 + random() / 2;
  return Math.max(
    Math.min(FIRST_MS * 2 ** attempt, LONGEST_MS) * spread,
    Math.min(askedMs || 0, ASKED_MS_MAX) * (0.5 + spread),
  );
}
