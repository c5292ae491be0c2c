/** SIGKILL amid everything a collector does, over and over: see `test/torture`, which `npm run torture` runs for longer. */
import t from 'tap';
import { torture } from '../torture/torture.js';

const CYCLES = Number(process.env.SPYGLASS_KILLS ?? 6);
const SEED = Number(process.env.SPYGLASS_SEED ?? 6);
/** A hang is a failure; a slow machine is not. */
const CYCLE_MS_MAX = 30_000;

t.setTimeout(CYCLES * CYCLE_MS_MAX);

t.test(
  `nothing is lost, nothing stored twice, and all agrees over ${CYCLES} kills, seed ${SEED}`,
  async (t) => {
    const report = await torture({ cycles: CYCLES, seed: SEED, say: (line) => t.comment(line) });
    t.comment(JSON.stringify(report));
    t.equal(report.kills, CYCLES);
    // Fewer, as by hand, may leave some of it out.
    if (CYCLES < 20) return;
    for (const [done, times] of Object.entries(report)) t.ok(times > 0, `${done}: ${times}`);
  },
);
