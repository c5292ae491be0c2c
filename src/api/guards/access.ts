/** Who reads: the operator, a viewer, or one app's team, by the password they gave; and what each of them may ask. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.js';
import type { Refusal } from '../../ingest/types.js';

export interface Access {
  /** `operator`: everything. `viewer`: every read but the keys and the audit trail. `app`: the reads of one app. */
  role: 'operator' | 'viewer' | 'app';
  /** The app, where it is one app's reader. */
  app?: string;
  /** The user name given with the password: whatever the reader says of itself. */
  name: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once a request has passed the guard; open paths have none. */
    access: Access;
  }
}

/** Without passwords whoever gets here is the operator. */
export const NOBODY_ASKED: Access = { role: 'operator', name: '' };

const OPERATORS_ONLY = new Set(['/v1/erase', '/v1/audit']);
/** What an app's reader may ask of the API; every one of them answers for one app when told to. */
const OF_ONE_APP = new Set([
  ...[
    'events',
    'users',
    'sessions',
    'funnel',
    'aggregates',
    'names',
    'activity',
    'errors',
    'occurrences',
  ].map((query) => `/v1/query/${query}`),
  ...[
    '/v1/sessions/:id/replay',
    '/v1/sessions/:id/replay/:seq',
    '/v1/incidents/:event_id',
    '/v1/stream',
    '/v1/apps',
  ],
]);

const digestOf = (secret: Uint8Array | string): Buffer => createHash('sha256').update(secret).digest();

/** Every password there is, with what it opens. */
function grants({
  auth,
  apps,
}: Pick<Config, 'auth' | 'apps'>): { digest: Buffer; access: Omit<Access, 'name'> }[] {
  const found: { digest: Buffer; access: Omit<Access, 'name'> }[] = [];
  const add = (password: string | undefined, access: Omit<Access, 'name'>) => {
    if (password !== undefined) found.push({ digest: digestOf(password), access });
  };
  add(auth.dashboard_password, { role: 'operator' });
  add(auth.viewer_password, { role: 'viewer' });
  for (const [app, { read_password }] of Object.entries(apps)) add(read_password, { role: 'app', app });
  return found;
}

/** Tells what a user name and password open; nothing for a wrong one. Each password is compared, whichever it is. */
export function createAccess(config: Pick<Config, 'auth' | 'apps'>) {
  const all = grants(config);
  return (name: string, password: Uint8Array): Access | undefined => {
    const presented = digestOf(password);
    let access: Access | undefined;
    for (const grant of all) {
      if (timingSafeEqual(presented, grant.digest)) access = { ...grant.access, name };
    }
    return access;
  };
}

/** Keeps a request to what its reader may ask; an app's reader asks for its own app, said or not. */
export function restrict(request: FastifyRequest): Refusal | undefined {
  const { role, app } = request.access;
  if (role === 'operator') return undefined;
  const route = request.routeOptions.url ?? '';
  if (OPERATORS_ONLY.has(route)) return forbidden('It takes the dashboard password.');
  if (role === 'viewer') return undefined;
  if (OF_ONE_APP.has(route)) return narrow(request.query as Record<string, unknown>, app);
  return /^\/(v1|metrics)(\/|$)/.test(route) ? forbidden('It is not about one app.') : undefined;
}

function narrow(query: Record<string, unknown>, app: string | undefined): Refusal | undefined {
  if (query.app !== undefined && query.app !== app) return forbidden('This password is for another app.');
  query.app = app;
  return undefined;
}

const forbidden = (detail: string): Refusal => ({ code: 'forbidden', detail });
