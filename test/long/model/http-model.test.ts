/** The random histories of `test/model/http-model.test.ts`, 50 of them. */
process.env.SPYGLASS_SEEDS ??= '50';
await import('../../model/http-model.test.js');
