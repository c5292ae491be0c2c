/**
 * Every test of the API that a collector on ClickHouse is not asked to pass, and why. What is not here must pass; what
 * is here must fail: a difference that was closed goes. `docs/scale.md` names them for the operator.
 */

export interface Difference {
  /** Of `test/api`. */
  file: string;
  /** The test's whole name. */
  test: string;
  reason: string;
}

export const DIFFERENCES: readonly Difference[] = [];
