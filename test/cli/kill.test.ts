/** SIGKILL under load, over and over: whatever was acknowledged is there once, and so is whatever was sent again. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { spawnCollector } from '../support/collector.js';
import { runSpyglass } from '../support/command.js';
import { assertExactlyOnce, startLoad } from '../support/load.js';

const CYCLES = Number(process.env.SPYGLASS_KILLS ?? 20);
const CLIENTS = 6;
/** A hang is a failure; a slow machine is not. */
const CYCLE_MS_MAX = 10_000;

t.setTimeout(CYCLES * CYCLE_MS_MAX);

t.test(`nothing is lost and nothing stored twice over ${CYCLES} kills`, async (t) => {
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const load = startLoad(() => collector.url, CLIENTS);
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const before = load.acknowledged.length;
    // Somewhere in the middle of commits: later every time, and never before something was stored.
    while (load.acknowledged.length < before + CLIENTS) await sleep(5);
    await sleep(cycle * 13);
    await collector.kill();
    await collector.restart();
  }
  await load.finish();
  t.same(load.surprises, []);
  t.ok(load.retries >= CYCLES, `${load.retries} times a batch was sent again`);

  t.equal(await collector.stop('SIGTERM'), 0);
  const { stdout } = await runSpyglass(['export', '--data', collector.dataDir]);
  assertExactlyOnce(stdout, load.acknowledged);
  const verified = await runSpyglass(['verify', '--data', collector.dataDir]);
  t.equal(verified.code, 0, verified.stdout);
  t.match(verified.stdout, `${load.acknowledged.flat().length} events`);
});
