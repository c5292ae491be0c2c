/** Who reads: the operator, a viewer, or one app's team, by the password they gave; and what each of them may ask. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.js';
import type { Refusal } from '../../domain/problems.js';

export interface Access {
  /** `operator`: everything. `viewer`: every read but the keys and the audit trail. `app`: the reads of its apps. */
  role: 'operator' | 'viewer' | 'app';
  /** The apps it is kept to; absent for all. */
  apps?: readonly string[];
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
  for (const [app, { read_password }] of Object.entries(apps))
    add(read_password, { role: 'app', apps: [app] });
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

/** Keeps a request to what its reader may ask. */
export function restrict({ access, routeOptions, query }: FastifyRequest): Refusal | undefined {
  const { role, apps } = access;
  const rule = routeOptions.config.access;
  if (role === 'operator' || rule === undefined) return undefined;
  if (rule.role === 'operator') return forbidden('It takes the dashboard password.');
  if (apps === undefined) return undefined;
  if (rule.scope === 'all') return forbidden('It is not about one app.');
  const { app } = query as { app?: string };
  return app === undefined || apps.includes(app) ? undefined : forbidden('This password is for another app.');
}

/** The apps that a read is about: the one asked for, or all that the reader may see; absent for all there are. */
export const appsFor = ({ apps }: Access, asked: string | undefined): readonly string[] | undefined =>
  asked === undefined ? apps : [asked];

const forbidden = (detail: string): Refusal => ({ code: 'forbidden', detail });
