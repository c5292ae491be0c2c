/** The rules that hold between settings. */
import { APP_NAME_MAX } from '../domain/limits.js';
import { isLoopback, parseListen } from './address.js';
import { LISTEN_DEFAULT, NO_APP } from './schema.js';

export interface ConfigProblem {
  /** Where in the file, as `apps.inventory.key`; empty for the file as a whole. */
  path: string;
  message: string;
}

const BAD_APP_NAME = 'app names are 1 to 64 of the characters a-z, 0-9, _ and -';
const APP_NAME = new RegExp(`^[a-z0-9_-]{1,${APP_NAME_MAX}}$`);

/**
 * The rules that hold between settings. They read the file as it is, so that they are checked even where some setting
 * is wrong by itself.
 */
export function crossProblems(value: unknown): ConfigProblem[] {
  return [...appProblems(memberOf(value, 'apps')), ...passwordProblems(value), ...exposureProblems(value)];
}

function appProblems(apps: unknown): ConfigProblem[] {
  if (typeof apps !== 'object' || apps === null) return [];
  const problems: ConfigProblem[] = [];
  const owners = new Map<unknown, string>();
  if (Object.keys(apps).length === 0) problems.push({ path: 'apps', message: NO_APP });
  for (const [name, app] of Object.entries(apps)) {
    const path = `apps.${name}`;
    if (!APP_NAME.test(name) || name === '__proto__') problems.push({ path, message: BAD_APP_NAME });
    const key = memberOf(app, 'key');
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

/** A password tells who reads, so each needs its own; and where there is none for the operator, everybody is. */
function passwordProblems(value: unknown): ConfigProblem[] {
  const auth = memberOf(value, 'auth');
  const apps = memberOf(value, 'apps');
  const names = typeof apps === 'object' && apps !== null ? Object.keys(apps) : [];
  const others: [path: string, password: unknown][] = [
    ['auth.viewer_password', memberOf(auth, 'viewer_password')],
    ...names.map((name): [string, unknown] => [
      `apps.${name}.read_password`,
      memberOf(memberOf(apps, name), 'read_password'),
    ]),
  ];
  const operators = memberOf(auth, 'dashboard_password');
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

/** Whether the reads would be open to more than this machine without anybody having said so. */
function exposureProblems(value: unknown): ConfigProblem[] {
  const listen = memberOf(value, 'listen') ?? LISTEN_DEFAULT;
  const address = typeof listen === 'string' ? parseListen(listen) : undefined;
  const auth = memberOf(value, 'auth');
  if (address === undefined || isLoopback(address.host)) return [];
  if (memberOf(auth, 'dashboard_password') !== undefined || memberOf(auth, 'open') === true) return [];
  const message =
    'reaches beyond this machine, and nothing guards the dashboard: set auth.dashboard_password, ' +
    'or set auth.open to true to let everybody read';
  return [{ path: 'listen', message }];
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
