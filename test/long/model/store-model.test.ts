/** The random histories of `test/model/store-model.test.ts`, 1,000 of them. */
process.env.SPYGLASS_SEEDS ??= '1000';
await import('../../model/store-model.test.js');
