/** A client's address, for the audit trail and for counting wrong passwords. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';

/** 16-bit groups of an IPv6 address, and those of a /64. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;
/** Those before the two that hold an IPv4 address. */
const MAPPED = '0:0:0:0:0:ffff';

export type ClientAddress = ReturnType<typeof createClientAddress>;

/**
 * The socket's address. Where that is one of `trusted` (addresses and networks), the one that `X-Forwarded-For` names: from
 * its end to the first that is not trusted, or to the last before what is no address.
 */
export function createClientAddress(trusted: readonly string[]) {
  const proxies = new BlockList();
  for (const network of trusted) {
    const [address = '', prefix] = network.split('/');
    const family = familyOf(address);
    if (prefix === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(prefix), family);
  }
  return ({ raw }: { raw: Pick<IncomingMessage, 'headers' | 'socket'> }): string => {
    let client = canonical(raw.socket.remoteAddress ?? '');
    if (trusted.length === 0) return client;
    const hops = [raw.headers['x-forwarded-for'] ?? ''].flat().join().split(',');
    while (isIP(client) !== 0 && proxies.check(client, familyOf(client))) {
      const hop = hops.pop();
      if (hop === undefined) break;
      if (hop.trim() === '') continue;
      const next = addressOf(hop);
      if (isIP(next) === 0) break;
      client = canonical(next);
    }
    return client;
  };
}

/** The network of the socket's own address. */
export const networkOfSocket = ({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string =>
  networkOf(canonical(remoteAddress));

/** What counts as one client: an IPv4 address, or the /64 of an IPv6 address. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  return `${groupsOf(address).slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** The address of a hop as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, in quotes or not. */
function addressOf(hop: string): string {
  const text = hop.trim().replace(/^"(.*)"$/, '$1');
  return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d{1,5}$/, '$1');
}

/** One spelling of an address; on a socket that listens on IPv6, an IPv4 client is `::ffff:192.0.2.1`. */
function canonical(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = groupsOf(address);
  if (groups.slice(0, -2).join(':') !== MAPPED) return hostOf(address);
  return groups
    .slice(-2)
    .flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
    .join('.');
}

/** A URL's host is the canonical form: shortest groups in lower case, IPv4 parts as groups. Without the zone. */
const hostOf = (address: string): string =>
  new URL(`http://[${address.split('%', 1)[0]}]`).hostname.slice(1, -1);

function groupsOf(address: string): string[] {
  const [head = [], tail = []] = hostOf(address)
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  return [...head, ...new Array<string>(GROUPS - head.length - tail.length).fill('0'), ...tail];
}
