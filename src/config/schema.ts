/** The shape of the configuration file: every setting, what it may be, and its default. */
import { z } from 'zod';
import {
  BODY_BYTES_DEFAULT,
  CHUNK_BYTES_DEFAULT,
  CHUNK_BYTES_MAX,
  EVENTS_FREE_BYTES_DEFAULT,
  QUEUE_BYTES_MAX,
  REPLAY_FREE_BYTES_DEFAULT,
  REPLAY_HOUR_BYTES_DEFAULT,
} from '../domain/limits.js';
import { isHttpUrl, isNetwork, isOrigin, parseListen } from './address.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LISTEN_DEFAULT = '127.0.0.1:7474';
export const DATA_DIR_DEFAULT = './data';
export const NO_APP = 'must name at least one app: { "inventory": { "key": "…" } }';
/** An app has two keys while they are changed, and more while some pages cannot be changed. */
const APP_KEYS_MAX = 8;

const wholeNumber = (min: number, max: number) =>
  z
    .int({ error: 'must be a whole number' })
    .min(min, { error: `must be at least ${min}` })
    .max(max, { error: `must be at most ${max}` });

const text = z.string({ error: 'must be a string' });
const password = text.min(1, { error: 'must not be empty: leave it out for none' });
const bytes = wholeNumber(0, Number.MAX_SAFE_INTEGER);
/** Whole days to keep; 0 keeps for ever. */
const days = wholeNumber(0, 36_500).default(0);
/** Becomes part of ClickHouse's statements unquoted. */
const identifier = text.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, {
  error: 'must be a letter or _, then letters, digits and _',
});

const listenSchema = text.default(LISTEN_DEFAULT).transform((listen, context) => {
  const address = parseListen(listen);
  if (address !== undefined) return address;
  context.addIssue({ code: 'custom', message: 'must look like ":7474", "127.0.0.1:7474" or "[::1]:7474"' });
  return z.NEVER;
});

/** A replay chunk is sent with its key in a header. */
const keyText = text
  .min(1, { error: 'must not be empty' })
  .regex(/^[\x21-\x7e]+$/, { error: 'must be printable ASCII without spaces' });
const keyList = z
  .array(keyText)
  .min(1, { error: 'must name a key' })
  .max(APP_KEYS_MAX, { error: `must be at most ${APP_KEYS_MAX} keys` });

const appSchema = strict({
  // The newest key comes first. Not a union: its errors would not say which of the two was meant.
  key: z.transform((value, context): string | string[] => {
    const { data, error } = (Array.isArray(value) ? keyList : keyText).safeParse(value);
    for (const { path, message } of error?.issues ?? []) {
      context.issues.push({ code: 'custom', path, message, input: value });
    }
    return data ?? z.NEVER;
  }),
  /** Allowed `Origin`s; an empty list allows every one. */
  origins: z
    .array(
      text.refine(isOrigin, {
        error: 'must be an origin as browsers send it: "https://shop.example", no path',
      }),
      { error: 'must be a list of origins' },
    )
    .default([]),
  /** Opens the reads of this app alone. */
  read_password: password.exactOptional(),
});

export const configSchema = strict({
  listen: listenSchema,
  dataDir: text.min(1, { error: 'must not be empty' }).default(DATA_DIR_DEFAULT),
  apps: z.record(z.string(), appSchema, { error: NO_APP }),
  /** Only from these is `X-Forwarded-For` believed. */
  trusted_proxies: z
    .array(text.refine(isNetwork, { error: 'must be an address or a network: "10.0.0.5", "10.0.0.0/8"' }), {
      error: 'must be a list of addresses and networks',
    })
    .exactOptional(),
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
    /** Of each app; 0 sets no bound. */
    replay_bytes_per_hour: bytes.default(REPLAY_HOUR_BYTES_DEFAULT),
    /** With less free, replays are refused, then events. */
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
          /** A cluster that ClickHouse's own configuration defines. */
          cluster: identifier.exactOptional(),
        }),
      ],
      { error: 'must name an engine: "lmdb" or "clickhouse"' },
    )
    .prefault({ engine: 'lmdb' }),
  /** The default level depends on whether standard error is a terminal. */
  log: strict({
    level: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).exactOptional(),
  }).prefault({}),
});

/** An object of these settings and no others, so that a misspelt setting is an error. */
function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `is not a setting; known here: ${known}` : 'must be an object',
  });
}
