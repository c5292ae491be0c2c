/** The lists of users and sessions. */
import type { ListedSession } from '../../projections/sessions.js';
import type { ListedUser } from '../../projections/users.js';
import type { SyncAnswers } from '../../questions/index.js';
import type { SessionRow } from '../../questions/sessions.js';
import type { UserRow } from '../../questions/users.js';
import { compareUtf8, mergeOrdered, openFirst, take } from './merge.js';
import type { Scope } from './scope.js';

export function answerPeople(scope: Scope): Pick<SyncAnswers, 'users' | 'sessions'> {
  const { log, users, sessions, manifest, appNumbers, appName, checkTime } = scope;
  const { dictionaries } = log;

  const bySessionOrder = (a: ListedSession, b: ListedSession): number =>
    b.lastTs - a.lastTs || compareUtf8(appName(a.app), appName(b.app)) || compareUtf8(a.session, b.session);
  const byUserOrder = (a: ListedUser, b: ListedUser): number =>
    b.lastTs - a.lastTs || compareUtf8(a.userId, b.userId) || compareUtf8(appName(a.app), appName(b.app));

  const sessionRow = ({ app, session, ...row }: ListedSession): SessionRow => ({
    session_id: session,
    app: appName(app),
    user_id: dictionaries.text('user', row.user),
    started_at: row.firstTs,
    last_seen: row.lastTs,
    event_count: row.events,
    error_count: row.errors,
    chunk_count: manifest.count(app, session),
  });
  const userRow = (row: ListedUser): UserRow => ({
    user_id: row.userId,
    app: appName(row.app),
    first_seen: row.firstTs,
    last_seen: row.lastTs,
    session_count: row.sessions,
    ...(row.name ? { name: row.name.text } : {}),
    ...(row.email ? { email: row.email.text } : {}),
  });

  const sessionsOfUser = (user: string, apps: readonly number[], limit: number): ListedSession[] => {
    const number = dictionaries.number('user', user);
    if (number === undefined) return [];
    const { first, add } = openFirst(limit, bySessionOrder);
    for (const app of apps) {
      for (const session of users.sessionsOf(app, number)) {
        checkTime();
        const row = sessions.get(app, session);
        if (row) add({ app, session, ...row });
      }
    }
    return first;
  };

  function* oneUser(app: number, userId: string): Generator<ListedUser> {
    const user = dictionaries.number('user', userId);
    const row = user === undefined ? undefined : users.get(app, user);
    if (user !== undefined && row) yield { app, user, userId, ...row };
  }

  return {
    users({ apps, user, limit }) {
      const rows = mergeOrdered(
        appNumbers(apps).map((app) => (user === undefined ? users.latest(app) : oneUser(app, user))),
        byUserOrder,
      );
      return { users: Array.from(take(rows, limit), userRow) };
    },
    sessions({ apps, user, limit }) {
      const rows =
        user === undefined
          ? mergeOrdered(
              appNumbers(apps).map((app) => sessions.latest(app)),
              bySessionOrder,
            )
          : sessionsOfUser(user, appNumbers(apps), limit);
      return { sessions: Array.from(take(rows, limit), sessionRow) };
    },
  };
}
