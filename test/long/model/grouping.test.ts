/** The random histories of `test/model/grouping.test.ts`, 100 of them. */
process.env.SPYGLASS_SEEDS ??= '100';
await import('../../model/grouping.test.js');
