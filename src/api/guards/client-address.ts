/** Where a request comes from, as far as that is known: what is written into the audit trail, and whose wrong passwords add up. */
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** What a client on IPv6 has to itself, at the least: 64 of the 128 bits, four of the eight groups. */
const OWN_GROUPS = 4;
const GROUPS = 8;

/**
 * The client's address: the socket's, or what a trusted proxy says it is (`trusted_proxies`; fastify walks the header from its
 * end). A proxy that passes on what is no address speaks for itself.
 */
export function clientAddress({ ip, socket }: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  return unmapped(isIP(ip) === 0 ? (socket.remoteAddress ?? '') : ip);
}

/** The key under which an address is counted: an IPv4 address itself, of an IPv6 address the network it can choose from. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = (address.split('%', 1)[0] ?? '').split('::');
  const front = groupsOf(head);
  const back = groupsOf(tail);
  const zeros = address.includes('::') ? GROUPS - front.length - back.length : 0;
  const groups = [...front, ...Array<string>(Math.max(0, zeros)).fill('0'), ...back];
  return `${groups.slice(0, OWN_GROUPS).join(':')}::/64`;
}

/** Groups as the shortest lower-case hexadecimal; an IPv4 address at the end is two of them. */
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['v4', 'v4'] : [Number.parseInt(group, 16).toString(16)]));
}

/** An IPv4 client of a socket that listens on IPv6 too comes as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return v4 !== undefined && isIP(v4) === 4 ? v4 : address;
}
