/** The configuration: its shape once read and checked, and how it is read from `spyglass.config.json`. */
import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import {
  APP_NAME_MAX,
  BODY_BYTES_DEFAULT,
  CHUNK_BYTES_DEFAULT,
  CHUNK_BYTES_MAX,
  EVENTS_FREE_BYTES_DEFAULT,
  QUEUE_BYTES_MAX,
  REPLAY_FREE_BYTES_DEFAULT,
  REPLAY_HOUR_BYTES_DEFAULT,
} from '../domain/limits.js';

/** The configuration with its defaults, `dataDir` as an absolute path. */
export type Config = z.output<typeof configSchema>;
export type AppConfig = Config['apps'][string];

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface ConfigProblem {
  /** Where in the file, as `apps.inventory.key`; empty for the file as a whole. */
  path: string;
  message: string;
}

/** The file cannot be used; carries everything that is wrong with it, not the first thing only. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`);
    super(`${file} cannot be used:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/**
 * Reads and checks a configuration file. Any string `env:NAME` in it is taken from `env`; `dataDir` is resolved against the
 * file's folder. Opens nothing but the file. Throws `ConfigError` with every problem; no message repeats a value that
 * may be secret.
 */
export function loadConfig(path: string, env: Readonly<Record<string, string | undefined>>): Config {
  const json = parseJson(path, readText(path));
  const { value, unset } = fillFromEnvironment(json, env);
  const parsed = configSchema.safeParse(value);
  const problems = [
    ...unset,
    ...(parsed.success ? [] : parsed.error.issues.flatMap(toProblems)),
    ...crossProblems(value),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(path, firstOfEachPath(problems));
  return { ...parsed.data, dataDir: resolve(dirname(path), parsed.data.dataDir) };
}

/** The text of a configuration to begin with: one app, `inventory`, with `key`, on loopback. */
export function defaultConfigJson(key: string): string {
  const config = {
    listen: LISTEN_DEFAULT,
    dataDir: DATA_DIR_DEFAULT,
    apps: { inventory: { key, origins: [] } },
    retention: { replays_days: 21, events_days: 0 },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

const LISTEN_DEFAULT = '127.0.0.1:7474';
const DATA_DIR_DEFAULT = './data';
/** Two overlap while keys are changed; a few more do while some pages cannot be changed. */
const APP_KEYS_MAX = 8;
const TOO_MANY_KEYS = `must be at most ${APP_KEYS_MAX} keys`;
const NO_APP = 'must name at least one app: { "inventory": { "key": "…" } }';
const BAD_APP_NAME = 'app names are 1 to 64 of the characters a-z, 0-9, _ and -';
const APP_NAME = new RegExp(`^[a-z0-9_-]{1,${APP_NAME_MAX}}$`);
/** What a header can carry as it is: keys travel in one with every replay chunk. */
const KEY = /^[\x21-\x7e]+$/;
/** Sections whose values are numbers: text from the environment is read as one there. */
const NUMERIC_SECTIONS: readonly unknown[] = ['retention', 'limits', 'disk'];

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const wholeNumber = (min: number, max: number) =>
  z
    .int({ error: 'must be a whole number' })
    .min(min, { error: `must be at least ${min}` })
    .max(max, { error: `must be at most ${max}` });

const text = z.string({ error: 'must be a string' });
const password = text.min(1, { error: 'must not be empty: leave it out for none' });
const bytes = wholeNumber(0, Number.MAX_SAFE_INTEGER);
const days = wholeNumber(0, 36_500).default(0);
/** A name of the engine's that is part of statements as it is. */
const identifier = text.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, {
  error: 'must be a letter or _, then letters, digits and _',
});

const listenSchema = text.default(LISTEN_DEFAULT).transform((listen, context) => {
  const address = parseListen(listen);
  if (address !== undefined) return address;
  context.addIssue({ code: 'custom', message: 'must look like ":7474", "127.0.0.1:7474" or "[::1]:7474"' });
  return z.NEVER;
});

const keyText = text
  .min(1, { error: 'must not be empty' })
  .regex(KEY, { error: 'must be printable ASCII without spaces' });
const keyList = z
  .array(keyText)
  .min(1, { error: 'must name a key' })
  .max(APP_KEYS_MAX, { error: TOO_MANY_KEYS });

const appSchema = strict({
  // Of several keys, the first is the newest. Not a union: its errors would not say which one was meant.
  key: z.transform((value, context): string | string[] => {
    const { data, error } = (Array.isArray(value) ? keyList : keyText).safeParse(value);
    for (const { path, message } of error?.issues ?? []) {
      context.issues.push({ code: 'custom', path, message, input: value });
    }
    return data ?? z.NEVER;
  }),
  /** Allowed `Origin`s; empty allows every one. */
  origins: z
    .array(
      text.refine(isOrigin, {
        error: 'must be an origin as browsers send it: "https://shop.example", no path',
      }),
      { error: 'must be a list of origins' },
    )
    .default([]),
  /** Opens the reads of this app only. */
  read_password: password.exactOptional(),
});

const configSchema = strict({
  listen: listenSchema,
  dataDir: text.min(1, { error: 'must not be empty' }).default(DATA_DIR_DEFAULT),
  apps: z.record(z.string(), appSchema, { error: NO_APP }),
  /** Addresses and networks of proxies whose `X-Forwarded-For` is trusted. */
  trusted_proxies: z
    .array(text.refine(isNetwork, { error: 'must be an address or a network: "10.0.0.5", "10.0.0.0/8"' }), {
      error: 'must be a list of addresses and networks',
    })
    .exactOptional(),
  /** Days to keep; 0 keeps for ever. */
  retention: strict({ replays_days: days, events_days: days }).prefault({}),
  auth: strict({
    dashboard_password: password.exactOptional(),
    viewer_password: password.exactOptional(),
    open: z.boolean({ error: 'must be true or false' }).default(false),
  }).prefault({}),
  limits: strict({
    body_bytes: wholeNumber(1, QUEUE_BYTES_MAX).default(BODY_BYTES_DEFAULT),
    chunk_bytes: wholeNumber(1, CHUNK_BYTES_MAX).default(CHUNK_BYTES_DEFAULT),
    events_per_minute: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  }).prefault({}),
  disk: strict({
    /** For each app; 0 means no limit. */
    replay_bytes_per_hour: bytes.default(REPLAY_HOUR_BYTES_DEFAULT),
    /** Free bytes below which replays, then events, are refused. */
    replay_free_bytes: bytes.default(REPLAY_FREE_BYTES_DEFAULT),
    events_free_bytes: bytes.default(EVENTS_FREE_BYTES_DEFAULT),
  }).prefault({}),
  store: z
    .discriminatedUnion(
      'engine',
      [
        strict({ engine: z.literal('lmdb') }),
        strict({
          engine: z.literal('clickhouse'),
          url: text.refine((url) => url.split(',').every(isHttpUrl), {
            error: 'must be an address as "http://user:password@host:8123", or several separated by commas',
          }),
          database: identifier.default('spyglass'),
          cluster: identifier.exactOptional(),
        }),
      ],
      { error: 'must name an engine: "lmdb" or "clickhouse"' },
    )
    .prefault({ engine: 'lmdb' }),
  /** The default level depends on whether output is a terminal. */
  log: strict({
    level: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).exactOptional(),
  }).prefault({}),
});

/** An object of these settings and no others: a misspelt one would otherwise be a default nobody notices. */
function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `is not a setting; known here: ${known}` : 'must be an object',
  });
}

/** What an address in `listen` means, or `undefined`. Without a host it is every interface. */
function parseListen(listen: string): { host: string; port: number } | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(listen) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : undefined;
  return { host: plain || '0.0.0.0', port };
}

/** Whether an address, or `localhost`, is this machine as only itself sees it. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function isHttpUrl(text: string): boolean {
  const url = text.trim();
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** An address, or a network by its prefix; not everybody's: then each client could say who it is. */
function isNetwork(text: string): boolean {
  const [, address = '', digits] = /^([^/]+?)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  const prefix = Number(digits ?? 1);
  return prefix >= 1 && prefix <= (family === 4 ? 32 : 128);
}

/** Browsers send scheme, host and a port that is not the scheme's own; pages without an origin send `null`. */
function isOrigin(text: string): boolean {
  if (text === 'null') return true;
  if (!/^https?:/i.test(text)) return /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/.test(text);
  return URL.canParse(text) && new URL(text).origin === text;
}

/**
 * The rules that hold between settings. They read the file as it is, so that they are checked even where some setting
 * is wrong by itself.
 */
function crossProblems(value: unknown): ConfigProblem[] {
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

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigError(path, [{ path: '', message: `cannot be read (${code})` }]);
  }
}

/** Says where the JSON breaks; V8's own message quotes the text around it, which may be a key. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    const position = /at position (\d+)/.exec(String(error))?.[1];
    const line =
      position === undefined ? '' : ` (line ${text.slice(0, Number(position)).split('\n').length})`;
    throw new ConfigError(path, [{ path: '', message: `is not valid JSON${line}` }]);
  }
}

/** Replaces every `env:NAME`. An unset one is a problem, and stands as an empty string until that is reported. */
function fillFromEnvironment(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
): { value: unknown; unset: ConfigProblem[] } {
  const unset: ConfigProblem[] = [];
  const fill = (value: unknown, path: readonly string[]): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => fill(item, [...path, String(index)]));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, fill(item, [...path, name])]),
      );
    }
    if (typeof value !== 'string' || !value.startsWith('env:')) return value;
    const name = value.slice('env:'.length);
    const found = Object.hasOwn(env, name) ? env[name] : undefined;
    if (found !== undefined) return typed(found, path);
    unset.push({
      path: path.join('.'),
      message: `the environment variable ${name || '(no name)'} is not set`,
    });
    return '';
  };
  return { value: fill(value, []), unset };
}

/** The environment has text only; where a setting is a number or a switch, text that spells one is one. */
function typed(text: string, path: readonly string[]): unknown {
  if (NUMERIC_SECTIONS.includes(path[0]) && /^\d+$/.test(text)) return Number(text);
  if (path.join('.') === 'auth.open' && /^(true|false)$/.test(text)) return text === 'true';
  return text;
}

function toProblems(issue: z.core.$ZodIssue): ConfigProblem[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: issue.message }));
}

/** One mistake can break several rules; the first says enough. */
function firstOfEachPath(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ path }) => !seen.has(path) && seen.add(path));
}
