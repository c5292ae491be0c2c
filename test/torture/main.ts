/** `npm run torture -- [--cycles N] [--seed S]`: tortures a collector for as long as one likes, and says what it did. */
import { parseArgs } from 'node:util';
import { torture } from './torture.js';

const { values } = parseArgs({ options: { cycles: { type: 'string' }, seed: { type: 'string' } } });
const cycles = Number(values.cycles ?? 100);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!(cycles > 0) || !Number.isSafeInteger(seed)) throw new Error('--cycles and --seed are numbers');
console.log(`torture: ${cycles} cycles, seed ${seed}`);
try {
  const report = await torture({ cycles, seed, say: console.log });
  console.log(`ok: nothing lost, nothing twice, all in agreement. ${JSON.stringify(report)}`);
} catch (error) {
  console.error(`not ok, seed ${seed}: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
