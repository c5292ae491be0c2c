/** The configuration's shape once read and checked. Loading it from a file is `loadConfig`. */

export interface AppConfig {
  key: string;
  /** Allowed `Origin`s; empty allows every one. */
  origins: readonly string[];
}

export interface Config {
  listen: { host: string; port: number };
  dataDir: string;
  apps: Readonly<Record<string, AppConfig>>;
  /** Whole days to keep; 0 keeps for ever. */
  retention: { replays_days: number; events_days: number };
  auth: { dashboard_password?: string; open: boolean };
  limits: { body_bytes: number; chunk_bytes: number; events_per_minute: number };
}
