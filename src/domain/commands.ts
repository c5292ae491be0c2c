/**
 * The operator's commands that a running collector carries out, as `POST /commands` on the socket of its
 * writer lock with the header `x-spyglass-socket: 1`: what each is asked with, and what it answers.
 *
 * The answer is lines of JSON: `{"progress":{"done":…,"total":…}}` and an export's `{"text":…}`, and then one
 * `{"result":…}` or `{"problem":…}`. Where it ends without either, the collector has stopped.
 */

/** A browser cannot be made to send it. */
export const SOCKET_HEADER = 'x-spyglass-socket';

type Nothing = object;
/** A folder within the data folder with a copy of the store, there for as long as the connection is. */
type Copy = { folder: string };
/** Of the data file. */
type Bytes = { bytesBefore: number; bytesAfter: number };

export interface Commands {
  verify: { ask: Nothing; answer: Copy };
  backup: { ask: Nothing; answer: Copy };
  export: { ask: { after: number }; answer: Nothing };
  sweep: {
    ask: { events_days: number; replays_days: number; trust_clock?: boolean | undefined };
    answer: { events: number; chunks: number };
  };
  erase_preview: {
    ask: { user: string; app?: string | undefined };
    answer: { events?: number | undefined; sessions: number; chunks: number; areMoreChunks: boolean };
  };
  erase: {
    ask: { user: string; app?: string | undefined };
    answer: { events: number; sessions: number; chunks: number } & Bytes;
  };
  compact: { ask: Nothing; answer: Bytes };
  rebuild: { ask: Nothing; answer: { head: number } };
}

export type CommandName = keyof Commands;
export type Ask<K extends CommandName> = { command: K } & Commands[K]['ask'];
export type AnyAsk = { [K in CommandName]: Ask<K> }[CommandName];
export type Answer<K extends CommandName> = Commands[K]['answer'];
