/** Every reading route with its optional parameters, for tests of what holds on all of them. */

export const ROUTES: [string, string[]][] = [
  ['/v1/query/events?', ['user', 'type', 'app', 'session', 'from', 'to', 'limit', 'cursor']],
  ['/v1/query/users?', ['app', 'user', 'limit']],
  ['/v1/query/sessions?', ['app', 'user', 'limit']],
  ['/v1/query/funnel?steps=a,b&', ['app', 'from', 'to']],
  ['/v1/query/aggregates?', ['app', 'from', 'to', 'limit']],
  ['/v1/query/names?', ['type', 'prefix', 'app', 'limit']],
  ['/v1/query/errors?', ['app', 'from', 'to', 'group', 'limit']],
  ['/v1/query/occurrences?group=g&', ['from', 'to', 'limit', 'cursor']],
  ['/v1/query/activity?user=alice&', ['app', 'from', 'to']],
  ['/v1/events/1?', []],
  ['/v1/incidents/1?', []],
  ['/v1/sessions/s_1/replay?', ['app']],
  ['/v1/sessions/s_1/replay/1?', ['app']],
];
export const GOOD: Record<string, string> = {
  type: 'error',
  app: 'inventory',
  from: '1',
  to: '2',
  limit: '3',
  user: 'u',
  session: 's',
};
