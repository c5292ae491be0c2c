/** The kills of `test/cli/kill.test.ts`, 20 of them. */
process.env.SPYGLASS_KILLS ??= '20';
await import('../../cli/kill.test.js');
