/** The configuration and the data folder that a command works on; writes the first configuration. */
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../config/config.js';
import { CommandFailure, EXIT_USAGE } from './failure.js';

export const CONFIG_FILE = 'spyglass.config.json';
const KEY_BYTES = 18;

/** The options `--config` and `--data` of a command, as given. */
export interface Where {
  config?: string;
  data?: string;
}

/** The configuration file a command means; it need not exist. */
export function configPath(where: Where): string {
  return resolve(where.config ?? CONFIG_FILE);
}

/** Reads the configuration, with `--data` in place of its data folder. Throws `ConfigError`. */
export async function readConfig(where: Where): Promise<Config> {
  const file = configPath(where);
  if (!existsSync(file)) {
    throw new CommandFailure(
      `there is no ${file}: name one with --config, or let \`spyglass serve\` write it`,
      EXIT_USAGE,
    );
  }
  const { loadConfig } = await import('../config/config.js');
  const config = loadConfig(file, process.env);
  return where.data === undefined ? config : { ...config, dataDir: resolve(where.data) };
}

/** The data folder a command works on: `--data`, which needs no configuration, or the configured one. */
export async function dataDirOf(where: Where): Promise<string> {
  if (where.data !== undefined) return resolve(where.data);
  const { dataDir, store } = await readConfig(where);
  if (store.engine === 'lmdb') return dataDir;
  throw new CommandFailure(
    'this command works on a data folder, and the configuration keeps events in ClickHouse: use its own means (docs/scale.md), or name a folder with --data',
    EXIT_USAGE,
  );
}

/** Writes a configuration with a new key, readable by its owner only, if there is none; returns whether. */
export async function writeFirstConfig(file: string): Promise<boolean> {
  if (existsSync(file)) return false;
  const { defaultConfigJson } = await import('../config/config.js');
  try {
    writeFileSync(file, defaultConfigJson(`sg_live_${randomBytes(KEY_BYTES).toString('base64url')}`), {
      flag: 'wx',
      mode: 0o600,
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new CommandFailure(`cannot write a first configuration: ${(error as Error).message}`, EXIT_USAGE);
  }
}
