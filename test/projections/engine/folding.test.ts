/** Folding some batches at a time: what is cut off leaves nothing behind, and what is large is taken in parts. */
import t from 'tap';
import type { BatchView } from '../../../src/log/batches/record-batch.js';
import { openEnv } from '../../../src/log/file/env.js';
import { openPasses, type Target } from '../../../src/projections/engine/folding.js';

const KEY = Buffer.from('n');
const LIMIT = 1_000_000;

/** As much of a batch as the fold below looks at. */
const batch = (offset: number, count: number): BatchView => ({ offset, count }) as BatchView;

t.test('folding', async (t) => {
  const env = openEnv(t.testdir(), { mode: 'scratch' });
  t.teardown(() => env.close());
  const target: Target = {
    checkpoint: 0,
    projection: {
      name: 'counting',
      version: 1,
      tables: ['counted'],
      open(stage) {
        const table = stage.table('counted');
        let events = 0;
        return {
          add({ count }) {
            events += count;
          },
          finish() {
            table.put(KEY, Buffer.from(String(events)));
            events = 0;
          },
        };
      },
    },
  };
  const beginPass = openPasses(env);
  const counted = (batches: Iterable<BatchView>): string | undefined => {
    const pass = beginPass([target]);
    pass.addAll(batches, LIMIT);
    const [folded] = pass.finish([target]);
    env.transaction(() => folded?.stage?.write());
    return env.table('counted').get(KEY)?.toString();
  };

  t.test('batches that could not all be read are not counted when they come again', async (t) => {
    function* broken(): Generator<BatchView> {
      yield batch(1, 5);
      throw new Error('EIO');
    }
    t.throws(() => counted(broken()), /EIO/);
    t.equal(counted([batch(1, 5), batch(6, 2)]), '7');
  });

  t.test('large batches are folded in parts, small ones by their number', async (t) => {
    function* large(): Generator<BatchView> {
      for (let offset = 1; ; offset += 256) yield batch(offset, 256);
    }
    const next = beginPass([target]).addAll(large(), LIMIT) ?? 0;
    t.ok(next > 400_000 && next < 600_000, `stopped at ${next}`);
    t.equal(beginPass([target]).addAll([batch(1, 3), batch(4, 3), batch(7, 3)], 2), 7);
    t.equal(beginPass([target]).addAll([batch(1, 3), batch(4, 3)], 3), undefined);
  });
});
