/** Twenty backups of a collector that takes everything in: each restores, verifies, and is the log up to some id. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createRandom } from '../model/random.js';
import { spawnCollector } from '../support/collector.js';
import { runSpyglass } from '../support/command.js';
import { assertBackup, assertKept, holdingsOf } from '../torture/audit.js';
import { startMixedLoad } from '../torture/mixed-load.js';

const BACKUPS = 20;
/** A hang is a failure; a slow machine is not. */
t.setTimeout(BACKUPS * 40_000);

t.test(`${BACKUPS} backups under load`, async (t) => {
  const dir = t.testdir({});
  const collector = await spawnCollector();
  t.teardown(() => collector.close());
  const load = startMixedLoad(() => collector.url, createRandom(1));
  const copies: { head: number; ids: Map<string, number> }[] = [];
  for (let n = 0; n < BACKUPS; n++) {
    load.resume();
    const before = load.ledger.kept.filter(({ isAcknowledged }) => isAcknowledged);
    const [backup, restored] = [join(dir, `backup-${n}`), join(dir, `restored-${n}`)];
    const made = await runSpyglass(['backup', backup, '--data', collector.dataDir]);
    t.equal(made.code, 0, made.stderr);
    // What is checked next grows with what is stored meanwhile.
    await load.pause();
    const { code, stderr } = await runSpyglass(['restore', backup, '--data', restored]);
    t.equal(code, 0, stderr);
    copies.push(await assertBackup(restored, before));
    for (const path of [backup, restored]) rmSync(path, { recursive: true });
  }
  await load.stop();
  const { ids, ...rest } = await holdingsOf(collector.dataDir);
  assertKept({ ids, ...rest }, load.ledger);
  t.same(load.ledger.surprises, []);
  const heads = copies.map(({ head }) => head);
  t.same(
    heads,
    heads.toSorted((a, b) => a - b),
  );
  t.ok(new Set(heads).size > BACKUPS / 2, `the log went on meanwhile: ${heads}`);
  for (const copy of copies) {
    const prefix = new Map([...ids].filter(([, id]) => id <= copy.head));
    t.same(copy.ids, prefix, `the log up to ${copy.head}, and nothing else`);
  }
});
