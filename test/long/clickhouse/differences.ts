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

const FILES = 'replay chunks are rows of the engine, not files in the data folder';

export const DIFFERENCES: readonly Difference[] = [
  {
    file: 'common-rules.test.ts',
    test: 'COM-11 a damaged record is a 5xx, never a list without it',
    reason: 'the test damages the embedded engine’s file; ClickHouse has checksums of its own over its parts',
  },
  {
    file: 'docs.test.ts',
    test: 'POST /v1/erase',
    reason:
      'the receipt says gone_from_disk false and gone_from_disk_at: the engine drops the parts it replaced after a while',
  },
  {
    file: 'replay-files.test.ts',
    test: 'UPL-24 UPL-25 each is a file of its own, inside the data folder',
    reason: FILES,
  },
  {
    file: 'replay-files.test.ts',
    test: 'UPL-17 a replaced chunk has a new file, and the old one goes',
    reason: FILES,
  },
  {
    file: 'replay-files.test.ts',
    test: 'UPL-18 files nothing refers to are gone after a start, the others stay',
    reason: FILES,
  },
  { file: 'replay-manifest.test.ts', test: 'MAN-12 a chunk whose file is lost is a 5xx', reason: FILES },
  {
    file: 'retention.test.ts',
    test: 'RET-13 RET-14 a clock ahead for one start takes nothing, and lets nothing be lost',
    reason:
      'the test has a collector put the fence ahead; on ClickHouse it goes by the engine’s clock and cannot',
  },
  { file: 'retention.test.ts', test: 'RET-05 the file of an expired replay is gone too', reason: FILES },
];
