/** The random histories of `test/model/threads-model.test.ts`, 8 of them. */
process.env.SPYGLASS_SEEDS ??= '8';
await import('../../model/threads-model.test.js');
