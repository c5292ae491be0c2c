/** Sums of error groups: what one pass may keep in memory, in sets and in bitmaps. */
import t from 'tap';
import { MAX_TS } from '../../../src/domain/limits.js';
import type { OccurrenceBlock } from '../../../src/projections/error-groups.js';
import { greatestGroups } from '../../../src/store/answers/error-sums.js';

const USERS = 1_000_000;
/** From so many on, a group has a bitmap. */
const MANY = 4_000;
const ROW_BYTES = 14;

function blockOf(group: number): OccurrenceBlock {
  const value = Buffer.alloc(MANY * ROW_BYTES);
  for (let row = 0; row < MANY; row++) {
    value.writeUInt32LE(row * 200, row * ROW_BYTES + 4);
    value.writeUIntLE(row + 1, row * ROW_BYTES + 8, 6);
  }
  return { group: { app: 1, hash: String(group).padStart(24, '0') }, midnight: 0, value };
}

/** How often the blocks of so many groups are read. */
function passesOver(groups: number): number {
  let passes = 0;
  function* blocks() {
    passes++;
    for (let group = 0; group < groups; group++) yield blockOf(group);
  }
  const query = { blocks, limit: 5, users: USERS, daysMax: 100, from: 0, to: MAX_TS, checkTime: () => {} };
  const sums = greatestGroups(query);
  t.same(
    sums.map(({ count, users }) => [count, users.count]),
    Array.from({ length: 5 }, () => [MANY, MANY]),
  );
  return passes;
}

t.test('bitmaps count as the sets did that they replace', async (t) => {
  t.equal(passesOver(100), 1);
  t.equal(passesOver(140), 3, 'more than 500,000 entries: counted first, then summed');
});
