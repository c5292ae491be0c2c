/** The configuration: its shape once read and checked, and how it is read from `spyglass.config.json`. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { fillFromEnvironment } from './environment.js';
import { type ConfigProblem, crossProblems } from './rules.js';
import { configSchema, DATA_DIR_DEFAULT, LISTEN_DEFAULT, type LOG_LEVELS } from './schema.js';

export interface AppConfig {
  /** What opens the app; of several, for a time of change, the first is the newest. */
  key: string | readonly string[];
  /** Allowed `Origin`s; empty allows every one. */
  origins: readonly string[];
  /** Opens the reads of this app alone. */
  read_password?: string;
}

export interface Config {
  listen: { host: string; port: number };
  dataDir: string;
  apps: Readonly<Record<string, AppConfig>>;
  /** Addresses and networks of the proxies in front, whose `X-Forwarded-For` is believed; nobody else's is. */
  trusted_proxies?: readonly string[];
  /** Whole days to keep; 0 keeps for ever. */
  retention: { replays_days: number; events_days: number };
  auth: { dashboard_password?: string; viewer_password?: string; open: boolean };
  limits: { body_bytes: number; chunk_bytes: number; events_per_minute: number };
  /** An app's replay bytes an hour (0: no bound), and the free bytes below which replays, then events, are refused. */
  disk: { replay_bytes_per_hour: number; replay_free_bytes: number; events_free_bytes: number };
  /** Where events and replays are kept: in `dataDir`, or in an engine elsewhere. */
  store: StoreConfig;
  /** Without a level it depends on whether a terminal listens. */
  log: { level?: (typeof LOG_LEVELS)[number] };
}

export type StoreConfig =
  | { engine: 'lmdb' }
  | {
      engine: 'clickhouse';
      /** One address, or several separated by commas. */
      url: string;
      database: string;
      /** A cluster of the engine's configuration. */
      cluster?: string;
    };

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
