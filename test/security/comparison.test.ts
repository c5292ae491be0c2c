/** How secrets are compared: whole digests of one length, with node's constant-time comparison, each with every one there is. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import t from 'tap';
import { createAccess } from '../../src/api/guards/access.js';
import { createKeyring } from '../../src/ingest/keyring.js';

/** The lengths of each pair that was compared. */
let compared: [number, number][] = [];
const { timingSafeEqual } = crypto;
crypto.timingSafeEqual = (a, b) => {
  compared.push([a.byteLength, b.byteLength]);
  return timingSafeEqual(a, b);
};
syncBuiltinESMExports();
t.teardown(() => {
  crypto.timingSafeEqual = timingSafeEqual;
  syncBuiltinESMExports();
});

const DIGEST: [number, number] = [32, 32];
const digests = (count: number) => Array(count).fill(DIGEST);
const during = (work: () => void) => {
  compared = [];
  work();
  return compared;
};
const app = (key: string, read_password: string) => ({ key, origins: [], read_password });
const apps = { a: app('key of a', 'team a'), b: app('a longer key, of b', 'team b'), c: app('c', 'team c') };

t.test('a password is compared with each there is, whichever it is, and whatever its length', async (t) => {
  const opens = createAccess({
    auth: { dashboard_password: 'operator', viewer_password: 'viewer', open: false },
    apps,
  });
  for (const password of [
    'operator',
    'viewer',
    'team a',
    'team c',
    '',
    'wrong',
    'operato',
    'x'.repeat(10_000),
  ])
    t.same(
      during(() => opens('', Buffer.from(password))),
      digests(5),
      password.slice(0, 20),
    );
});

t.test('a key is compared with its app’s, and with one where there is no such app', async (t) => {
  const { opens } = createKeyring(apps);
  for (const name of ['a', 'b', 'nobody', '__proto__', '']) {
    for (const key of ['key of a', 'key of ', '', 'x'.repeat(10_000)])
      t.same(
        during(() => opens(name, key)),
        digests(1),
        `${name} ${key.slice(0, 20)}`,
      );
  }
});

t.test('whose key it is, is asked of all', async (t) => {
  const { ownerOf } = createKeyring(apps);
  for (const key of ['key of a', 'c', 'nobody’s', ''])
    t.same(
      during(() => ownerOf(key)),
      digests(3),
      key,
    );
});
