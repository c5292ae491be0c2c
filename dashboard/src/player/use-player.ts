/** A player for a frame on the page, with its state as state of the component. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useWhenBack } from '../api/connection.js';
import { createChunks } from './chunks.js';
import { createPlayer, INITIAL, type Player, type PlayerState, prepare } from './player.js';
import type { PlacedChunk, Told } from './times.js';

export interface PlayerHandle extends Omit<Player, 'close' | 'play' | 'pause'> {
  state: PlayerState;
  /** Takes a frame whose page is loaded. */
  onFrameLoad: (frame: HTMLIFrameElement) => void;
  toggle(): void;
}

/**
 * Shows the moment `at` (Unix ms) as soon as its chunks are there; `undefined` references play nothing yet.
 * `events` are the session's, as far as they are known. `findAll` asks for every chunk of the session, where the references are only some.
 */
export function usePlayer(
  references: readonly PlacedChunk[] | undefined,
  at: number,
  events: readonly Told[],
  findAll?: () => Promise<readonly PlacedChunk[]>,
): PlayerHandle {
  const player = useRef<Player>();
  const [state, setState] = useState<PlayerState>({ ...INITIAL, time: at });
  // A view that failed and came back has another frame, which needs a player of its own.
  const [frame, setFrame] = useState<HTMLIFrameElement>();
  const told = useRef(events);
  told.current = events;
  const chunks = useMemo(
    () => (references === undefined ? undefined : createChunks(references, () => told.current, findAll)),
    [references?.map(({ path }) => path).join()],
  );

  useEffect(() => {
    if (chunks !== undefined && chunks.references.length > 0) prepare(chunks, state.time || at);
  }, [chunks]);

  useEffect(() => {
    if (frame?.isConnected !== true || chunks === undefined || chunks.references.length === 0) return;
    const created = createPlayer(frame, chunks, setState);
    player.current = created;
    created.seek(state.time || at);
    return () => {
      created.close();
      player.current = undefined;
    };
  }, [frame, chunks]);

  useWhenBack(state.error, () => player.current?.retry());

  return {
    state,
    onFrameLoad: setFrame,
    toggle: () => (state.playing ? player.current?.pause() : player.current?.play()),
    seek(ts) {
      if (player.current === undefined) setState((known) => ({ ...known, time: ts }));
      else player.current.seek(ts);
    },
    configure: (settings) => player.current?.configure(settings),
    fetchAll: (span) => player.current?.fetchAll(span),
    retry: () => player.current?.retry(),
  };
}
