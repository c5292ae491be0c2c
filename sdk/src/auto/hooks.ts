/** Listening to and patching of what belongs to the page, undone when the client stops. */
import { attempt, guard } from '../attempt.js';
import type { Client } from '../seam.js';

/** Listens in the capture phase, so that no handler of the app can hide an event. */
export function listen<E extends Event>(
  client: Client,
  target: EventTarget,
  type: string,
  work: (event: E) => void,
): void {
  const listener = guard(work) as EventListener;
  target.addEventListener(type, listener, true);
  client.onStop(() => target.removeEventListener(type, listener, true));
}

/** Replaces a method unless its owner is frozen. Undoing keeps a method that others have put in its place. */
export function patch<O extends object, K extends keyof O>(
  client: Client,
  owner: O,
  name: K,
  wrap: (original: O[K]) => O[K],
): void {
  const original = owner[name];
  const patched = wrap(original);
  attempt(() => {
    owner[name] = patched;
  });
  client.onStop(() => {
    if (owner[name] === patched) owner[name] = original;
  });
}
