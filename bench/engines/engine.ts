/** What a contestant has to do: take the data in once, then answer questions about it. */
import type { Answer, Ask } from '../questions.js';

export interface Fill {
  events: number;
  /** The events as tab-separated lines: id, ts, app, user, session, type, name, url, props. */
  tsv: string;
  onProgress: (done: number) => void;
}

export interface Engine {
  /** Puts the whole data in; called once, on an empty folder. */
  fill(source: Fill): Promise<void>;
  ask(ask: Ask): Promise<Answer>;
  /** Bytes of the data, where the folder holds more than that. */
  bytes?(): Promise<number>;
  close(): Promise<void>;
}

/** Opens a contestant on its folder, made when missing. */
export type OpenEngine = (folder: string) => Promise<Engine>;
