/** A client's address, for the audit trail and for counting wrong passwords. */
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** 16-bit groups of an IPv6 address, and those of a /64. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * The socket's address, or the one that a trusted proxy forwards (`trusted_proxies`); the proxy's own if that
 * is no address.
 */
export function clientAddress({ ip, socket }: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  return unmapped(isIP(ip) === 0 ? (socket.remoteAddress ?? '') : ip);
}

/** What counts as one client: an IPv4 address, or the /64 of an IPv6 address. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = (address.split('%', 1)[0] ?? '').split('::');
  const front = groupsOf(head);
  const back = groupsOf(tail);
  const zeros = address.includes('::') ? GROUPS - front.length - back.length : 0;
  const groups = [...front, ...Array<string>(Math.max(0, zeros)).fill('0'), ...back];
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

/** Groups as shortest lower-case hexadecimal; an IPv4 address at the end is two of them. */
function groupsOf(text: string): string[] {
  if (text === '') return [];
  return text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['v4', 'v4'] : [Number.parseInt(group, 16).toString(16)]));
}

/** On a socket that listens on IPv6, an IPv4 client is `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return v4 !== undefined && isIP(v4) === 4 ? v4 : address;
}
