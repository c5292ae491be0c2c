/** Fetches the chunks of a recording, each once, sanitises them, and puts their times right. */
import { ClientError, client } from '../api/client.js';
import { makeHarmless } from './harmless.js';
import { type ConsoleLine, consoleLines, type RecordedEvent, readEvents } from './recording.js';
import { boundsOf, type PlacedChunk, putRight, type Told } from './times.js';

/** Far more than a chunk unpacks to: a chunk without end is not read further. */
const CHUNK_CHARACTERS_MAX = 128_000_000;

export type Chunks = ReturnType<typeof createChunks>;

interface LoadedChunk {
  events: RecordedEvent[];
  lines: ConsoleLine[];
}

/** `told` gives the session's events, as far as they are known. `findAll` asks for every chunk of the session, where `references` are only some of them. */
export function createChunks(
  references: readonly PlacedChunk[],
  told: () => readonly Told[],
  findAll?: () => Promise<readonly PlacedChunk[]>,
) {
  const running = new Map<string, Promise<void>>();
  /** With the device's times. */
  const fetched = new Map<string, RecordedEvent[]>();
  const done = new Map<string, LoadedChunk>();
  let known = references;
  let find = findAll;
  const loaded = (index: number): LoadedChunk | undefined => {
    const path = known[index]?.path ?? '';
    const events = fetched.get(path);
    if (events === undefined || done.has(path)) return done.get(path);
    const { from, to } = boundsOf(known, index, (at) => done.get(known[at]?.path ?? '')?.events);
    const right = putRight(events, known[index]?.ts, told(), from, to);
    const chunk = { events: right, lines: consoleLines(right) };
    done.set(path, chunk);
    return chunk;
  };
  return {
    get references(): readonly PlacedChunk[] {
      return known;
    },
    /** How many are loaded. */
    get count(): number {
      return fetched.size;
    },
    loaded,
    /** The events of a chunk, in order. Throws `ClientError`; the next call tries again. */
    async load(index: number): Promise<RecordedEvent[]> {
      const path = known[index]?.path;
      if (path === undefined) return [];
      let loading = running.get(path);
      if (loading === undefined) {
        loading = fetchChunk(path).then((events) => void fetched.set(path, events));
        running.set(path, loading);
        loading.catch(() => running.delete(path));
      }
      await loading;
      // Its index, and its neighbours, may have changed meanwhile.
      return loaded(known.findIndex((chunk) => chunk.path === path))?.events ?? [];
    },
    /** Finds the chunks before and after these, which changes the indexes; false when there are no more. */
    async extend(): Promise<boolean> {
      if (find === undefined) return false;
      const all = await find();
      find = undefined;
      if (all.length <= known.length) return false;
      known = all;
      // They lie between other neighbours now.
      done.clear();
      return true;
    },
  };
}

async function fetchChunk(path: string): Promise<RecordedEvent[]> {
  const answer = await client.chunk(path).catch((error: unknown) => {
    if (!(error instanceof ClientError) || error.status !== 404) throw error;
    throw new ClientError(404, 'This part of the recording is not kept any more.');
  });
  try {
    return makeHarmless(readEvents(JSON.parse(await textOf(answer))));
  } catch {
    throw new ClientError(200, 'This part of the recording is damaged.');
  }
}

async function textOf(answer: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for (const reader = answer.body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if (text.length <= CHUNK_CHARACTERS_MAX) continue;
    await reader.cancel();
    throw new RangeError('a chunk without end');
  }
  return text + decoder.decode();
}
