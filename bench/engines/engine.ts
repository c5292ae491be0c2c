/** What an engine does in the benchmark: store the data once, then answer questions. */
import type { Answer, Ask } from '../questions.js';

export interface Fill {
  events: number;
  /** The events as tab-separated lines: id, ts, app, user, session, type, name, url, props. */
  tsv: string;
  onProgress: (done: number) => void;
}

export interface Engine {
  /** Stores all data; called once, on an empty folder. */
  fill(source: Fill): Promise<void>;
  ask(ask: Ask): Promise<Answer>;
  /** Bytes of the data, where the folder holds more than the data. */
  bytes?(): Promise<number>;
  close(): Promise<void>;
}

/** Opens an engine on its folder; creates the folder's contents when missing. */
export type OpenEngine = (folder: string) => Promise<Engine>;
