/** Addresses and networks in the configuration. */
import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Parses `listen`; `undefined` for an invalid one. Without a host it is every interface. */
export function parseListen(listen: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(listen) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  return { host: plain || '0.0.0.0', port };
}

/** Whether an address, or `localhost`, can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  // The list makes an object for each address it is asked about, and each request's host is asked about.
  return family === 4 ? host.startsWith('127.') : LOOPBACK.check(host, 'ipv6');
}

export function isHttpUrl(text: string): boolean {
  const url = text.trim();
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** An address or a network. A prefix of 0 is refused: it would let every client choose its address. */
export function isNetwork(text: string): boolean {
  const [, address = '', digits] = /^([^/]+?)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  const prefix = Number(digits ?? 1);
  return prefix >= 1 && prefix <= (family === 4 ? 32 : 128);
}

/** Browsers send scheme, host and a port other than the default; pages without an origin send `null`. */
export function isOrigin(text: string): boolean {
  if (text === 'null') return true;
  if (!/^https?:/i.test(text)) return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.test(text);
  return URL.canParse(text) && new URL(text).origin === text;
}
