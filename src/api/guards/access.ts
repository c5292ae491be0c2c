/** Who reads, by the password they gave, and what they may ask. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.js';
import type { Refusal } from '../../domain/problems.js';

export interface Access {
  /** `operator`: everything. `viewer`: all reads but keys and the audit trail. `app`: reads of its apps. */
  role: 'operator' | 'viewer' | 'app';
  /** Absent for all apps. */
  apps?: readonly string[];
  /** The user name given with the password; nobody checks it. */
  name: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard; open paths have none. */
    access: Access;
  }
}

/** Without passwords every reader is the operator. */
export const NOBODY_ASKED: Access = { role: 'operator', name: '' };

const digestOf = (secret: Uint8Array | string): Buffer => createHash('sha256').update(secret).digest();

/**
 * Finds the access that a user name and password give; `undefined` for a wrong password. Every password is
 * compared, so that timing does not tell which one matched.
 */
export function createAccess({ auth, apps }: Pick<Config, 'auth' | 'apps'>) {
  const grants: { digest: Buffer; access: Omit<Access, 'name'> }[] = [];
  const add = (password: string | undefined, access: Omit<Access, 'name'>) => {
    if (password !== undefined) grants.push({ digest: digestOf(password), access });
  };
  add(auth.dashboard_password, { role: 'operator' });
  add(auth.viewer_password, { role: 'viewer' });
  for (const [app, { read_password }] of Object.entries(apps))
    add(read_password, { role: 'app', apps: [app] });

  return (name: string, password: Uint8Array): Access | undefined => {
    const presented = digestOf(password);
    let access: Access | undefined;
    for (const grant of grants) {
      if (timingSafeEqual(presented, grant.digest)) access = { ...grant.access, name };
    }
    return access;
  };
}

/** Refuses what the request's reader may not ask. */
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

/** The apps of a read: the one asked for, or all that the reader may see; `undefined` for all there are. */
export const appsFor = ({ apps }: Access, asked: string | undefined): readonly string[] | undefined =>
  asked === undefined ? apps : [asked];

const forbidden = (detail: string): Refusal => ({ code: 'forbidden', detail });
