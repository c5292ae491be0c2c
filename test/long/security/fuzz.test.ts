/** The requests of `test/security/fuzz.test.ts`, 20,000 of them. */
process.env.SPYGLASS_FUZZ ??= '20000';
await import('../../security/fuzz.test.js');
