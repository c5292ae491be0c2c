/** Who may make how many lines of the audit trail, and that nothing is shown without one. */
import t from 'tap';
import { createWatchings, MANY_NAMES } from '../../../src/api/watchings.js';
import { AUDIT_LINES_PER_MINUTE, AUDIT_NAMES_MAX, PERSON_TEXT_MAX } from '../../../src/domain/limits.js';
import type { AuditEntry } from '../../../src/store/port.js';

const MINUTE = 60_000;
const ENTRY: AuditEntry = {
  at: 1,
  role: 'app',
  name: 'ann',
  address: '192.0.2.1',
  app: 'shop',
  session_id: 's_1',
};

function setUp(hasRoom = () => true) {
  const at = { monotonic: 0 };
  const lines: AuditEntry[] = [];
  const audit = { note: async (entry: AuditEntry) => void lines.push(entry), list: async () => lines };
  const watchings = createWatchings(audit, { takesEvents: hasRoom }, () => at.monotonic);
  return {
    ...watchings,
    audit,
    lines,
    at,
    note: (over: Partial<AuditEntry>) => watchings.note({ ...ENTRY, ...over }),
  };
}

t.test('a watching is one line for ten minutes, also when its chunks come at once', async (t) => {
  const { note, lines, at } = setUp();
  await Promise.all([note({}), note({}), note({ at: 2 })]);
  t.equal(lines.length, 1);
  for (const over of [{ session_id: 's_2' }, { app: 'inventory' }, { address: '192.0.2.2' }, { name: 'bob' }])
    await note(over);
  t.equal(lines.length, 5);
  at.monotonic = 10 * MINUTE;
  await note({});
  t.equal(lines.length, 6);
});

t.test('made-up names make no lines without end, and hide no session', async (t) => {
  const { note, lines } = setUp();
  for (let n = 0; n < 500; n++) await note({ name: `${n}${'n'.repeat(8_000)}` });
  t.equal(lines.length, AUDIT_NAMES_MAX + 1);
  t.ok(lines.every(({ name }) => name.length <= PERSON_TEXT_MAX));
  await note({ name: 'yet another', session_id: 's_2' });
  t.match(lines.at(-1), { name: MANY_NAMES, session_id: 's_2' });
  await note({ name: 'at another address', address: '192.0.2.2' });
  t.match(lines.at(-1), { name: 'at another address' });
  await note({ name: `${'n'.repeat(PERSON_TEXT_MAX - 1)}😀`, address: '192.0.2.3' });
  t.equal(lines.at(-1)?.name, 'n'.repeat(PERSON_TEXT_MAX - 1), 'cut between code points');
});

t.test('an address has so many lines a minute; a /64 is one address', async (t) => {
  const { note, lines, at, counts } = setUp();
  let refused = 0;
  for (let n = 0; n < AUDIT_LINES_PER_MINUTE + 20; n++) {
    await note({ session_id: `s_${n}`, address: `2001:db8::${n.toString(16)}` }).catch((error) => {
      refused++;
      t.match(error, { refusal: { code: 'too_many_replays', retryAfterS: 60 } });
    });
  }
  t.equal(refused, 20);
  t.same(counts(), { lines: AUDIT_LINES_PER_MINUTE, refused: 20 });
  t.equal(lines.length, AUDIT_LINES_PER_MINUTE);
  await note({ session_id: 's_1', address: '2001:db8::1' });
  t.equal(lines.length, AUDIT_LINES_PER_MINUTE, 'what is noted goes on');
  await note({ session_id: 's_1', address: '2001:db9::1' });
  at.monotonic = MINUTE;
  await note({ session_id: 's_999', address: '2001:db8::1' });
  t.equal(lines.length, AUDIT_LINES_PER_MINUTE + 2);
});

t.test('without room, or with a disk that fails, nothing is shown', async (t) => {
  let room = true;
  const { note, lines, audit } = setUp(() => room);
  await note({});
  room = false;
  await note({});
  const refusal = await note({ session_id: 's_2' }).catch((error) => error.refusal);
  t.match(refusal, { code: 'disk_full', retryAfterS: 60 });
  room = true;
  const write = audit.note;
  audit.note = () => Promise.reject(new Error('EIO'));
  await t.rejects(note({ session_id: 's_2' }), { message: 'EIO' });
  audit.note = write;
  await note({ session_id: 's_2' });
  t.equal(lines.length, 2, 'a line that was not written is written the next time');
});
