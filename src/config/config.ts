/** Reads and checks `spyglass.config.json`. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { fillFromEnvironment } from './environment.js';
import { type ConfigProblem, crossProblems } from './rules.js';
import { configSchema, DATA_DIR_DEFAULT, LISTEN_DEFAULT } from './schema.js';

/** What `configSchema` makes of the file, with `dataDir` resolved. */
export type Config = z.output<typeof configSchema>;
export type AppConfig = Config['apps'][string];

/** The file cannot be used; carries every problem, not only the first. */
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
 * Reads and checks a configuration file. Strings `env:NAME` are taken from `env`; `dataDir` is relative to
 * the file. Throws `ConfigError` with every problem; no message repeats a value, which may be secret.
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

/** The text of a first configuration: one app, `inventory`, with `key`, on loopback. */
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

/** One mistake can break several rules: the first of them is reported. */
function firstOfEachPath(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<string>();
  return problems.filter(({ path }) => !seen.has(path) && seen.add(path));
}
