/** The password gate: who passes, who is counted, who is locked out, and how much of that is remembered. */
import t from 'tap';
import { createAccess } from '../../../src/api/guards/access.js';
import { createPasswordGate, type PasswordGate } from '../../../src/api/guards/auth.js';
import { networkOf } from '../../../src/api/guards/client-address.js';
import {
  LOCKOUT_ADDRESSES_MAX,
  LOCKOUT_FAILURES,
  LOCKOUT_MS,
  LOCKOUT_WINDOW_MS,
} from '../../../src/domain/limits.js';

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
const RIGHT = basic('anyone:pä:ss');
const WRONG = basic('anyone:pass');
const HERE = '10.0.0.1';

/** A gate of one password, and what it says of it: nothing for what passes. */
const newGate = () => {
  const gate = createPasswordGate(
    createAccess({ auth: { dashboard_password: 'pä:ss', open: false }, apps: {} }),
  );
  return (...args: Parameters<PasswordGate>) => gate(...args).refusal;
};

function failAt(gate: ReturnType<typeof newGate>, times: readonly number[], address = HERE) {
  for (const time of times) gate(address, WRONG, time);
}
const tenAt = (time: number) => Array<number>(LOCKOUT_FAILURES).fill(time);

t.test('the password passes under any user name, colons and all', async (t) => {
  const gate = newGate();
  t.equal(gate(HERE, RIGHT, 0), undefined);
  t.equal(gate(HERE, basic(':pä:ss'), 0), undefined);
  t.equal(gate(HERE, RIGHT.replace('Basic', 'basic'), 0), undefined);
  for (const wrong of [WRONG, basic('pä:ss'), basic(''), 'Basic', 'Basic ', 'Basic !', 'Bearer x', '']) {
    t.equal(gate(HERE, wrong, 0)?.code, 'unauthorized', wrong);
  }
});

t.test('the tenth wrong password within a minute locks for a minute', async (t) => {
  const gate = newGate();
  failAt(gate, tenAt(1_000).slice(1));
  t.equal(gate(HERE, basic('first:pä:ss'), 1_000), undefined, 'nine do not');
  t.equal(gate(HERE, WRONG, 2_000)?.code, 'unauthorized', 'the tenth is still answered as wrong');
  t.same(gate(HERE, RIGHT, 2_001)?.code, 'locked_out');
  t.equal(gate(HERE, RIGHT, 2_001)?.retryAfterS, 60);
  t.equal(gate(HERE, RIGHT, 2_000 + LOCKOUT_MS - 1)?.retryAfterS, 1);
  t.equal(gate(HERE, RIGHT, 2_000 + LOCKOUT_MS), undefined);
});

t.test(
  'while locked, one password in 6 s of a user name that was let in from there within the hour',
  async (t) => {
    const gate = newGate();
    const HOUR_MS = 3_600_000;
    gate(HERE, basic('old:pä:ss'), 0);
    gate(HERE, RIGHT, 10_000);
    const locked = HOUR_MS + 5_000;
    failAt(gate, tenAt(locked));
    t.equal(gate(HERE, basic('old:pä:ss'), locked)?.code, 'locked_out', 'that was over an hour ago');
    t.equal(gate(HERE, basic('stranger:pä:ss'), locked)?.code, 'locked_out');
    t.equal(gate(HERE, RIGHT, locked), undefined);
    t.equal(gate(HERE, RIGHT, locked + 5_999)?.code, 'locked_out');
    t.equal(gate(HERE, WRONG, locked + 6_000)?.code, 'locked_out', 'a wrong one is answered like all others');
    t.equal(gate(HERE, RIGHT, locked + 11_999)?.code, 'locked_out', 'and was the one that is looked at');
    t.equal(gate(HERE, RIGHT, locked + 12_000), undefined);
    failAt(gate, tenAt(locked), '10.0.0.2');
    t.equal(gate('10.0.0.2', RIGHT, locked)?.code, 'locked_out', 'elsewhere nobody knows the name');
  },
);

t.test('a clock that is set back ends a lock rather than make it longer', async (t) => {
  const gate = newGate();
  const day = 86_400_000;
  failAt(gate, tenAt(day));
  t.equal(gate(HERE, RIGHT, 0), undefined);
  failAt(gate, tenAt(0).slice(1));
  t.equal(gate(HERE, RIGHT, 0), undefined, 'and times that are ahead do not count');
});

t.test('failures a minute apart do not add up', async (t) => {
  const gate = newGate();
  for (let i = 0; i < 50; i++) gate(HERE, WRONG, (i * LOCKOUT_WINDOW_MS) / (LOCKOUT_FAILURES - 1));
  t.equal(gate(HERE, RIGHT, 10 * LOCKOUT_WINDOW_MS), undefined);
});

t.test('requests without credentials are a 401 from a locked address too, and never counted', async (t) => {
  const gate = newGate();
  for (let i = 0; i < 100; i++) t.equal(gate(HERE, undefined, 0)?.code, 'unauthorized');
  t.equal(gate(HERE, RIGHT, 0), undefined);
  failAt(gate, tenAt(0));
  t.equal(gate(HERE, undefined, 1)?.code, 'unauthorized');
});

t.test('guesses while locked do not make the lock longer', async (t) => {
  const gate = newGate();
  failAt(gate, tenAt(0));
  failAt(gate, tenAt(LOCKOUT_MS - 1));
  t.equal(gate(HERE, RIGHT, LOCKOUT_MS), undefined);
});

t.test('from the fourth on a wrong password is answered later each time, a right one never', async (t) => {
  const open = createAccess({ auth: { dashboard_password: 'pä:ss', open: false }, apps: {} });
  const gate = createPasswordGate(open);
  const waits = tenAt(0).map((now) => gate(HERE, WRONG, now));
  t.same(
    waits.map((answer) => ('waitMs' in answer ? answer.waitMs : undefined)),
    [0, 0, 0, 100, 200, 300, 400, 500, 600, 700],
  );
  for (let n = 0; n < 5; n++) gate('10.0.0.2', WRONG, 0);
  t.match(gate('10.0.0.2', RIGHT, 0), { access: { role: 'operator' } });
  t.same(Object.keys(gate('10.0.0.2', RIGHT, 0)), ['access']);
});

t.test('an address of IPv6 counts as the network it is one of', async (t) => {
  const gate = newGate();
  for (let n = 1; n <= LOCKOUT_FAILURES; n++) gate(`2001:db8:0:1::${n.toString(16)}`, WRONG, 0);
  t.equal(gate('2001:DB8::1:ffff:0:0:1', RIGHT, 1)?.code, 'locked_out');
  t.equal(gate('2001:db8:0:2::1', RIGHT, 1), undefined);
  t.equal(networkOf('2001:db8::5'), '2001:db8:0:0::/64');
  t.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  t.equal(networkOf('1:2:3:4:5:6:7:8'), '1:2:3:4::/64');
  t.equal(
    networkOf('::ffff:1.2.3.4'),
    '0:0:0:0::/64',
    'which createClientAddress has turned into an IPv4 address',
  );
  t.equal(networkOf('192.0.2.1'), '192.0.2.1');
});

t.test('only so many addresses are remembered, the latest', async (t) => {
  const gate = newGate();
  failAt(gate, tenAt(0), 'first');
  failAt(gate, tenAt(0), 'second');
  for (let i = 0; i < LOCKOUT_ADDRESSES_MAX - 1; i++) gate(`other ${i}`, WRONG, 0);
  t.equal(gate('first', RIGHT, 1), undefined, 'the oldest is forgotten');
  t.equal(gate('second', RIGHT, 1)?.code, 'locked_out');
});
