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
  // A URL's host is the canonical form: shortest groups in lower case, IPv4 parts as groups.
  const { hostname } = new URL(`http://[${address.split('%', 1)[0]}]`);
  const [head = [], tail = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = new Array<string>(GROUPS - head.length - tail.length).fill('0');
  return `${[...head, ...zeros, ...tail].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

/** On a socket that listens on IPv6, an IPv4 client is `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return v4 !== undefined && isIP(v4) === 4 ? v4 : address;
}
