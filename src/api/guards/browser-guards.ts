/** What a browser's own headers say against a request: no page of another site reaches the collector through its reader. */
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { isLoopback } from '../../config/address.js';
import type { Config } from '../../config/config.js';
import type { Refusal } from '../../domain/problems.js';

/** Says why a request may not pass, or nothing. */
export type Check = (request: FastifyRequest) => Refusal | undefined;

/** HTTP/1.1 asks every request to name its host; node's own answer to one that does not would be a bare 400. */
export function hostMissing({ raw }: FastifyRequest): Refusal | undefined {
  if (raw.headers.host !== undefined || raw.httpVersion !== '1.1') return undefined;
  return { code: 'bad_request', detail: 'The request names no host.' };
}

/** Node takes the first of two hosts; a proxy in front may have gone by the other one. */
export function hostTwice({ raw }: FastifyRequest): Refusal | undefined {
  const names = raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host');
  return names.length < 2 ? undefined : { code: 'bad_request', detail: 'The request names two hosts.' };
}

/**
 * Without a password whoever reaches the port may read. By DNS rebinding a web page can: its name comes to mean this
 * machine, and to the browser the collector is then part of the page's own site. But the request still carries the name.
 */
export function createHostCheck(config: Pick<Config, 'auth' | 'listen'>): Check {
  return ({ raw }) => {
    const { auth, listen } = config;
    if (auth.dashboard_password !== undefined || auth.open) return undefined;
    const name = hostName(raw.headers.host ?? '');
    if (isLocalName(name) || name === listen.host.toLowerCase()) return undefined;
    return {
      code: 'foreign_host',
      detail:
        'Without a password this collector answers to localhost alone, not to the host this request names. ' +
        'Set auth.dashboard_password to reach it under another name.',
    };
  };
}

/** Browsers send a remembered password along with whatever another site lets them send. */
export function crossSite({ method, raw }: FastifyRequest): Refusal | undefined {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return undefined;
  const { 'sec-fetch-site': site, origin, host } = raw.headers;
  // Browsers that do not send it yet do send the origin; what is no browser sends neither.
  const isOurs =
    site === undefined
      ? origin === undefined || origin.replace(/^https?:\/\//, '') === host
      : site === 'same-origin' || site === 'none';
  if (isOurs) return undefined;
  return { code: 'cross_site', detail: 'Another site may not change anything here.' };
}

/** The name or address of a `Host` header, without its port. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1];
  return (bracketed ?? host.replace(/:\d*$/, '')).toLowerCase();
}

function isLocalName(name: string): boolean {
  return isIP(name) !== 0 ? isLoopback(name) : /^([a-z0-9-]+\.)*localhost\.?$/.test(name);
}
