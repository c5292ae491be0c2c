/** Keys that work anywhere on the page, except where they have another meaning. */
import { useEffect, useRef } from 'preact/hooks';

/** What each key does, by its `KeyboardEvent.key`. */
export function useKeys(keys: Readonly<Record<string, (() => void) | undefined>>): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest('input:not([type="checkbox"]), select, textarea, dialog')) return;
      // The space bar presses the element that has the focus.
      if (event.key === ' ' && target?.closest('input, button, summary, a')) return;
      const act = current.current[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}
