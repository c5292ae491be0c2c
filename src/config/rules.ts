/** The rules between settings. They read the raw file, so one invalid setting hides no other problem. */
import { APP_NAME_MAX } from '../domain/limits.js';
import { isLoopback, parseListen } from './address.js';
import { LISTEN_DEFAULT, NO_APP } from './schema.js';

export interface ConfigProblem {
  /** Where in the file, as `apps.inventory.key`; empty for the file as a whole. */
  path: string;
  message: string;
}

type Members = Record<string, unknown>;

const BAD_APP_NAME = 'app names are 1 to 64 of the characters a-z, 0-9, _ and -';
const APP_NAME = new RegExp(`^[a-z0-9_-]{1,${APP_NAME_MAX}}$`);

export function crossProblems(value: unknown): ConfigProblem[] {
  const { apps, auth, listen } = membersOf(value);
  return [
    ...(apps === undefined ? [] : appProblems(membersOf(apps))),
    ...passwordProblems(membersOf(apps), membersOf(auth)),
    ...exposureProblems(listen, membersOf(auth)),
  ];
}

function appProblems(apps: Members): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const owners = new Map<unknown, string>();
  if (Object.keys(apps).length === 0) problems.push({ path: 'apps', message: NO_APP });
  for (const [name, app] of Object.entries(apps)) {
    const path = `apps.${name}`;
    if (!APP_NAME.test(name) || name === '__proto__') problems.push({ path, message: BAD_APP_NAME });
    const { key } = membersOf(app);
    const keys: [path: string, key: unknown][] = Array.isArray(key)
      ? key.map((one, index) => [`${path}.key.${index}`, one])
      : [[`${path}.key`, key]];
    for (const [at, one] of keys) {
      const owner = owners.get(one);
      if (owner === name) problems.push({ path: at, message: 'is in the list already' });
      else if (owner !== undefined)
        problems.push({ path: at, message: `is the key of ${owner} too: each app needs its own` });
      else if (typeof one === 'string' && one !== '') owners.set(one, name);
    }
  }
  return problems;
}

/** A password tells who reads: each is unique, and none works without the operator's. */
function passwordProblems(apps: Members, auth: Members): ConfigProblem[] {
  const others: [path: string, password: unknown][] = [
    ['auth.viewer_password', auth.viewer_password],
    ...Object.entries(apps).map(([name, app]): [string, unknown] => [
      `apps.${name}.read_password`,
      membersOf(app).read_password,
    ]),
  ];
  const operators = auth.dashboard_password;
  const taken = new Set<unknown>([operators]);
  return others.flatMap(([path, password]) => {
    if (password === undefined) return [];
    if (operators === undefined) return [{ path, message: 'needs auth.dashboard_password to be set too' }];
    if (taken.has(password))
      return [{ path, message: 'is another reader’s password too: each needs its own' }];
    taken.add(password);
    return [];
  });
}

/** Whether others than this machine could read without anybody having allowed it. */
function exposureProblems(listen: unknown = LISTEN_DEFAULT, auth: Members): ConfigProblem[] {
  const address = typeof listen === 'string' ? parseListen(listen) : undefined;
  if (address === undefined || isLoopback(address.host)) return [];
  if (auth.dashboard_password !== undefined || auth.open === true) return [];
  const message =
    'reaches beyond this machine, and nothing guards the dashboard: set auth.dashboard_password, ' +
    'or set auth.open to true to let everybody read';
  return [{ path: 'listen', message }];
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
