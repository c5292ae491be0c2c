/** The audit trail's files: bounded, read from the end, whole after a line that was cut off. */
import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { AUDIT_FILES_MAX } from '../../src/domain/limits.js';
import { openAuditTrail } from '../../src/store/audit.js';
import type { AuditEntry } from '../../src/store/port.js';

const entry = (at: number, name = 'ann'): AuditEntry => ({
  at,
  role: 'viewer',
  name,
  address: '192.0.2.1',
  app: 'shop',
  session_id: `s_${at}`,
});

t.test('files are set aside when they are full, and the oldest goes', async (t) => {
  const dataDir = t.testdir({});
  const trail = openAuditTrail(dataDir, 1_000);
  const COUNT = 300;
  await Promise.all(Array.from({ length: COUNT }, (_, at) => trail.note(entry(at))));
  const files = (await readdir(dataDir)).filter((name) => name.startsWith('audit.'));
  t.equal(files.length, AUDIT_FILES_MAX);
  for (const file of files) {
    const { size, mode } = await stat(join(dataDir, file));
    t.ok(size <= 1_000 + 200, `${file} has ${size} bytes`);
    t.equal(mode & 0o077, 0);
  }
  const listed = await trail.list(500);
  t.ok(listed.length > 100 && listed.length < COUNT, `${listed.length} are left`);
  t.same(
    listed.map(({ at }) => at),
    listed.map((_, index) => COUNT - 1 - index),
    'newest first, over all files, none left out',
  );
  t.same(await trail.list(2), [entry(COUNT - 1), entry(COUNT - 2)]);
});

t.test('lines longer than a block, and a line that was cut off', async (t) => {
  const dataDir = t.testdir({});
  const trail = openAuditTrail(dataDir);
  t.same(await trail.list(5), [], 'nobody watched yet');
  const long = 'é'.repeat(100_000);
  await trail.note(entry(1, long));
  await trail.note(entry(2));
  await appendFile(join(dataDir, 'audit.ndjson'), '{"at":3,"ro');
  await openAuditTrail(dataDir).note(entry(4));
  t.same(await trail.list(500), [entry(4), entry(2), entry(1, long)]);
  t.equal((await readFile(join(dataDir, 'audit.ndjson'), 'utf8')).split('\n').length, 5);
});
