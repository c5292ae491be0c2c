/**
 * The operator's commands that a running collector carries out, asked for over the socket of its writer lock: what each is
 * asked with, and what it answers.
 *
 * `POST /commands/<name>` is answered by lines of JSON: `{"progress":{"done":…,"total":…}}` now and then, and at the end one
 * `{"result":…}` or `{"problem":…}`. `GET /commands/export?after=<id>` is answered by the lines of an export.
 */
import { z } from 'zod';
import { eraseBody } from '../schemas.js';

/** A browser cannot be made to send it. */
export const SOCKET_HEADER = 'x-spyglass-socket';

const count = z.int().min(0);
const days = z.int().min(0).max(36_500);
const nothing = z.strictObject({});
/** A folder within the data folder, there for as long as the connection is. */
const copy = z.object({ folder: z.string().regex(/^\.tmp\/\w+$/) });

const definitions = {
  verify: { ask: nothing, answer: copy },
  backup: { ask: nothing, answer: copy },
  sweep: {
    ask: z.strictObject({ events_days: days, replays_days: days }),
    answer: z.object({ events: count, chunks: count }),
  },
  erase: {
    ask: eraseBody.strict(),
    answer: z.object({
      events: count,
      sessions: count,
      chunks: count,
      bytesBefore: count,
      bytesAfter: count,
    }),
  },
  compact: { ask: nothing, answer: z.object({ bytesBefore: count, bytesAfter: count }) },
  rebuild: { ask: nothing, answer: z.object({ head: count }) },
};

export type CommandName = keyof typeof definitions;
export type Ask<K extends CommandName> = z.output<(typeof definitions)[K]['ask']>;
export type Answer<K extends CommandName> = z.output<(typeof definitions)[K]['answer']>;

export const COMMANDS: {
  readonly [K in CommandName]: { ask: z.ZodType<Ask<K>>; answer: z.ZodType<Answer<K>> };
} = definitions;

export const exportQuery = z.strictObject({ after: z.coerce.number().pipe(count).default(0) });

export const commandLine = z.union([
  z.object({ progress: z.object({ done: count, total: count }) }),
  z.object({ problem: z.object({ detail: z.string() }) }),
  z.object({ result: z.unknown() }),
]);
