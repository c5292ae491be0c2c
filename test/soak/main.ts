/** `npm run soak [-- --minutes N]`: lets a collector live for an hour, and says whether what it holds levels off. */
import { parseArgs } from 'node:util';
import { growth, soak } from './soak.js';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes is a number');
const samples = await soak({ minutes, say: console.log });
const growing = growth(samples);
console.log(
  growing.length === 0 ? `ok: ${samples.length} days, and it levels off` : `not ok: ${growing.join('; ')}`,
);
process.exitCode = growing.length === 0 ? 0 : 1;
