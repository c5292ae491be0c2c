/** A process that opens the store in the folder it is given for reading, again and again, and says how often. */
import { openEnv } from '../../../src/log/file/env.js';

const OPENINGS = 40;
const [, , dataDir = ''] = process.argv;
for (let opening = 0; opening < OPENINGS; opening++) await openEnv(dataDir, { mode: 'read' }).close();
console.log(OPENINGS);
