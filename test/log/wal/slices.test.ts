/** How much of what waits one transaction applies: bounded by what it touches, whatever that was on the wire. */
import t from 'tap';
import { APPLY_EVENTS_MAX, APPLY_PARTS_MAX } from '../../../src/domain/limits.js';
import { sliceOf } from '../../../src/log/wal/apply.js';
import { GROUP_HEAD_BYTES } from '../../../src/log/wal/commit-group.js';

interface Shape {
  events: number;
  texts?: number;
  batchIds?: number;
  batches?: number;
}

/** The heads of groups that follow each other, the first from id 1 on. */
function groupsOf(...shapes: Shape[]): Buffer[] {
  let next = 1;
  return shapes.map(({ events, texts = 0, batchIds = 0, batches = 1 }, index) => {
    const head = Buffer.alloc(GROUP_HEAD_BYTES);
    next += events;
    head.writeUIntBE(index + 1, 0, 6);
    head.writeUIntBE(next, 6, 6);
    for (const [at, count] of [texts, batchIds, batches].entries()) head.writeUInt32BE(count, 24 + 4 * at);
    return head;
  });
}

const many = (count: number, shape: Shape): Buffer[] =>
  groupsOf(...Array.from({ length: count }, () => shape));

t.test('few events are one transaction', async (t) => {
  t.equal(sliceOf([], 1), 0);
  t.equal(sliceOf(many(50, { events: 40, batches: 2, batchIds: 2 }), 1), 50);
});

t.test('batches, new texts and batch ids bound it together, and events do', async (t) => {
  const part = Math.floor(APPLY_PARTS_MAX / 4);
  for (const kind of ['texts', 'batchIds', 'batches'] as const)
    t.equal(sliceOf(many(50, { events: 1, batches: 0, [kind]: part }), 1), 4, kind);
  t.equal(sliceOf(many(50, { events: 1, texts: part / 4, batchIds: part / 4, batches: part / 2 }), 1), 4);
  t.equal(sliceOf(many(50, { events: APPLY_EVENTS_MAX / 4 }), 1), 4, 'events');
});

t.test('a group is applied whole, however large', async (t) => {
  const large = { events: 2 * APPLY_EVENTS_MAX, batches: 2 * APPLY_PARTS_MAX };
  t.equal(sliceOf(groupsOf(large, { events: 1 }), 1), 1);
  t.equal(sliceOf(groupsOf({ events: 1 }, large), 1), 1, 'and alone');
});
