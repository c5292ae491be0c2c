/** Which of the addresses that `X-Forwarded-For` and the socket name is the client's, as proxies write them. */
import type { Socket } from 'node:net';
import t from 'tap';
import { createClientAddress } from '../../../src/api/guards/client-address.js';

const TRUSTED = ['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48'];
const clientAddress = createClientAddress(TRUSTED);
const from = (header: string | undefined, remoteAddress = '127.0.0.1', addressOf = clientAddress) =>
  addressOf({ raw: { headers: { 'x-forwarded-for': header }, socket: { remoteAddress } as Socket } });

t.test('ports, brackets, quotes, several hops, IPv4 within IPv6', async (t) => {
  const cases: [string, string][] = [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:51234', '203.0.113.7'],
    ['[2001:db8::7]:51234', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['"[2001:db8::7]:51234"', '2001:db8::7'],
    ['2001:DB8:0:0::7', '2001:db8::7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['198.51.100.1:80, 203.0.113.9:4711', '203.0.113.9'],
    ['203.0.113.7, 127.0.0.1', '203.0.113.7'],
    ['203.0.113.7:51234, 127.0.0.1:80', '203.0.113.7'],
    ['203.0.113.7,,10.1.2.3 , [2001:db8:ffff::2]:443,', '203.0.113.7'],
    ['203.0.113.7, ::ffff:10.1.2.3', '203.0.113.7'],
    ['::ffff:203.0.113.8', '203.0.113.8'],
    ['[::ffff:203.0.113.8]:80', '203.0.113.8'],
    ['::FFFF:cb00:7108', '203.0.113.8'],
    ['0:0:0:0:0:ffff:203.0.113.8', '203.0.113.8'],
    ['10.1.1.1, 10.2.2.2', '10.1.1.1'],
  ];
  for (const [header, expected] of cases) t.equal(from(header), expected, header);
  t.equal(from('203.0.113.7', '::ffff:127.0.0.1'), '203.0.113.7', 'a socket of both families');
});

t.test('what is no address is not believed, nor is what stands before it', async (t) => {
  const nothings = [
    'unknown',
    '_hidden',
    'x'.repeat(10_000),
    '192.0.2.1:',
    '192.0.2.1:http',
    '[192.0.2.1',
    '::ffff:999.1.1.1',
  ];
  for (const nothing of nothings) {
    t.equal(from(nothing, '::ffff:10.0.0.1'), '10.0.0.1', nothing.slice(0, 20));
    t.equal(from(`203.0.113.7, ${nothing}, 10.9.9.9`), '10.9.9.9', 'the last proxy that names it');
  }
  t.equal(from(undefined), '127.0.0.1');
  t.equal(from('203.0.113.7', '198.51.100.1'), '198.51.100.1', 'a stranger');
  t.equal(from('203.0.113.7', '127.0.0.1', createClientAddress([])), '127.0.0.1', 'no proxy is trusted');
});
