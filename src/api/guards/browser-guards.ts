/** Refuses requests that another site's page makes through a reader's browser. */
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { isLoopback } from '../../config/address.js';
import type { Config } from '../../config/config.js';
import type { Refusal } from '../../domain/problems.js';
import { decodedPath } from '../path.js';

/** HTTP/1.1 requires a host; node's own answer would be a bare 400. */
export function hostMissing({ raw }: FastifyRequest): Refusal | undefined {
  if (raw.headers.host !== undefined || raw.httpVersion !== '1.1') return undefined;
  return { code: 'bad_request', detail: 'The request names no host.' };
}

/** Node takes the first of two hosts; a proxy in front may have taken the other one. */
export function hostTwice({ raw }: FastifyRequest): Refusal | undefined {
  const names = raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host');
  return names.length < 2 ? undefined : { code: 'bad_request', detail: 'The request names two hosts.' };
}

/**
 * Without a password, only requests to a local name pass. By DNS rebinding, a page's host name can point to
 * this machine, and the collector becomes part of the page's site; but the `Host` header has that name.
 */
export function foreignHost(
  { raw }: FastifyRequest,
  { auth, listen }: Pick<Config, 'auth' | 'listen'>,
): Refusal | undefined {
  if (auth.dashboard_password !== undefined || auth.open) return undefined;
  const name = hostName(raw.headers.host ?? '');
  if (isLocalName(name) || name === listen.host.toLowerCase()) return undefined;
  return {
    code: 'foreign_host',
    detail:
      'Without a password this collector answers to localhost alone, not to the host this request names. ' +
      'Set auth.dashboard_password to reach it under another name.',
  };
}

/** Browsers add a remembered password to requests that another site makes. */
export function crossSite({ method, raw }: FastifyRequest): Refusal | undefined {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return undefined;
  const { 'sec-fetch-site': site, origin, host } = raw.headers;
  // Older browsers send the origin only; other clients send neither.
  const isOurs =
    site === undefined
      ? origin === undefined || origin.replace(/^https?:\/\//, '') === host
      : site === 'same-origin' || site === 'none';
  if (isOurs) return undefined;
  return { code: 'cross_site', detail: 'Another site may not change anything here.' };
}

/** Routes whose answers a script of the page reads, or a person opens. */
const API = /^\/(v1\/|metrics$|openapi\.json$)/;

/** A read of the API by a style, picture, frame or anything else that a page may hold without the reader's knowledge. */
export function embedded({ raw, routeOptions }: FastifyRequest): Refusal | undefined {
  const { 'sec-fetch-dest': dest, 'sec-fetch-site': site } = raw.headers;
  // The route, not the path: the router decodes that.
  const isOfTheApi = API.test(routeOptions.url ?? decodedPath(raw.url));
  if (dest === undefined || dest === 'empty' || !isOfTheApi) return undefined;
  if (dest === 'document' && (site === 'none' || site === 'same-origin' || site === undefined))
    return undefined;
  return {
    code: 'cross_site',
    detail:
      "The API answers a page's own requests and addresses that a person opens, nothing that a page loads.",
  };
}

/** The name or address of a `Host` header, without its port. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1];
  return (bracketed ?? host.replace(/:\d*$/, '')).toLowerCase();
}

function isLocalName(name: string): boolean {
  return isIP(name) !== 0 ? isLoopback(name) : /^([a-z0-9-]+\.)*localhost\.?$/.test(name);
}
