/** The API's contract on ClickHouse of today: every test file that the embedded engine passes, but for the list of differences. */
import t from 'tap';
import { startChdb } from '../../support/clickhouse/chdb.js';
import { complaints, contractFiles, runOn } from './conformance.js';
import { DIFFERENCES } from './differences.js';

/** A hang is a failure; a slow machine is not. */
t.setTimeout(3_000_000);

for (const file of contractFiles()) {
  t.test(`a collector on ClickHouse passes ${file}`, async (t) => {
    // An engine for each file: every collector leaves a database, and hundreds of tables make the engine slow.
    const chdb = await startChdb();
    t.teardown(() => chdb.close());
    let outcome = await runOn(chdb, file);
    if (complaints(outcome).length > 0) {
      // A read may take 5 s, which a machine that is busy otherwise can make of any: asked once more, and both are shown.
      t.comment(`asked again: ${file}\n${outcome.output}`);
      outcome = await runOn(chdb, file);
    }
    const wrong = complaints(outcome);
    t.same(wrong, []);
    if (wrong.length > 0) t.comment(outcome.output);
  });
}

t.test('each difference has a reason, and a file that is there', async (t) => {
  for (const { file, reason } of DIFFERENCES) {
    t.ok(contractFiles().includes(file), file);
    t.ok(reason.length > 20, reason);
  }
});
