/** Keeps the player's moment in the address, as `t`, and seeks when the address changes. */
import { useEffect, useRef } from 'preact/hooks';
import { setQuery, useParam } from '../router.js';

/** Browsers limit changes of the address: while it plays, the moment is written every two seconds. */
const SETTLED_MS = 300;
const RUNNING_MS = 2_000;

/** The moment in the address, Unix ms. */
export function useMomentParam(): number | undefined {
  const [text] = useParam('t');
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export function useMomentInAddress(time: number, playing: boolean, seek: (ts: number) => void): void {
  const given = useMomentParam();
  const written = useRef(given);
  const writtenAt = useRef(0);

  useEffect(() => {
    if (given === undefined || given === written.current) return;
    written.current = given;
    seek(given);
  }, [given]);

  useEffect(() => {
    const ts = Math.round(time);
    if (ts <= 0 || ts === written.current) return;
    const write = () => {
      written.current = ts;
      writtenAt.current = performance.now();
      setQuery({ t: `${ts}` });
    };
    if (playing) {
      if (performance.now() - writtenAt.current > RUNNING_MS) write();
      return;
    }
    const timer = setTimeout(write, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [time, playing]);
}
