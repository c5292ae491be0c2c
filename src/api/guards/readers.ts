/** Who a request's reader is by the configuration as it is now: at the door, and again for a feed that is open. */
import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.js';
import { madeOf } from '../../config/live-config.js';
import { type Access, createAccess, NOBODY_ASKED } from './access.js';
import { credentialsOf } from './auth.js';

export type Readers = ReturnType<typeof createReaders>;

export function createReaders(config: Pick<Config, 'auth' | 'apps'>) {
  const ofAuth = madeOf(
    () => config.auth,
    () => createAccess(config),
  );
  /** A reload replaces `auth` and `apps` together. */
  const opens = (name: string, password: Buffer): Access | undefined => ofAuth()(name, password);
  const isClosed = () => config.auth.dashboard_password !== undefined;

  const accessNow = ({ headers }: Pick<FastifyRequest, 'headers'>): Access | undefined => {
    if (!isClosed()) return NOBODY_ASKED;
    const presented = credentialsOf(headers.authorization ?? '');
    return presented && opens(presented.name, presented.password);
  };

  return {
    opens,
    isClosed,
    /**
     * Whether the request would be let in now as it was when this was called: the same role and apps, and of `apps`, which it
     * is about, none removed and no key changed.
     */
    stillLetsIn(request: Pick<FastifyRequest, 'headers'>, apps: readonly string[] = []): () => boolean {
      const right = () => {
        const { role, apps: only } = accessNow(request) ?? {};
        return JSON.stringify([role, only, apps.map((app) => config.apps[app]?.key)]);
      };
      const first = right();
      return () => right() === first;
    },
  };
}
