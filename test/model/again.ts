/** Lives one seed again and prints the smallest history that still fails: `node dist/test/model/again.js <seed>`. */
import { brief } from './difference.js';
import { embedded } from './embedded.js';
import { makeHistory } from './history.js';
import { runHistory } from './run.js';
import { shrink } from './shrink.js';

const steps = makeHistory(Number(process.argv[2]));
const outcome = await runHistory(steps, embedded).then(
  () => 'every answer is right',
  async (error: Error) => {
    for (const step of await shrink(steps, embedded)) console.log(brief(step));
    return error.message;
  },
);
console.log(outcome);
