/** The failing disks of `test/cli/disk-faults.test.ts`, at 25 points of each fault. */
process.env.SPYGLASS_FAULTS ??= '25';
await import('../cli/disk-faults.test.js');
