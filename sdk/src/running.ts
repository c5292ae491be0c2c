/** One run of the client, from `init` to `stop`: puts queue, delivery, session and parts together. */
import { attempt, each, guard } from './attempt.js';
import { listen } from './auto/hooks.js';
import { startAuto } from './auto/index.js';
import { pause } from './backoff.js';
import type { Delivery } from './delivery.js';
import { createDelivery } from './delivery.js';
import { lineOf } from './draft.js';
import { createDropped } from './dropped.js';
import type { Options, User } from './options.js';
import type { Queue } from './queue.js';
import { createQueue } from './queue.js';
import type { Client, Part } from './seam.js';
import { createSession, type Session } from './session.js';
import { createShelf } from './storage.js';

export interface Running extends Client {
  setUser(user: User): void;
  flush(): Promise<void>;
  stop(): void;
}

/** Time for the page before this one to finish what it had under way. */
const ADOPT_MS = 2_000;

export function start(options: Options): Running {
  /** The last first: what was patched last must be put back first. */
  const undo: (() => void)[] = [];
  const handOver: (() => void)[] = [];
  const listeners: ((id: string) => void)[] = [];
  const prefix = `spyglass:${options.app}:`;
  const nativeFetch = window.fetch.bind(window);
  let stopped = false;

  const session = createSession({
    shelf: createShelf(() => sessionStorage),
    key: `${prefix}session`,
    user: () => options.user.id,
    begun: (id) => each(listeners, id),
  });
  const dropped = createDropped((name, props) => client.record({ type: 'event', name, props }));
  const queue = createQueue({
    ...dropped,
    shelf: createShelf(() => localStorage),
    prefix: `${prefix}queue:`,
    locks: navigator.locks,
  });
  const delivery = createDelivery({ ...options, ...dropped, queue, fetch: nativeFetch });

  const client: Client = {
    options,
    // What others have wrapped by now can't be put back, and goes on calling.
    record: guard((draft) => stopped || delivery.take(lineOf(client, session, draft))),
    deliver: async (draft) => attempt(() => delivery.deliver(lineOf(client, session, draft))) ?? false,
    session: session.id,
    onSession: (listener) => listeners.push(listener),
    guard,
    fetch: nativeFetch,
    scrub: (url) => attempt(() => String(options.scrubUrl(url))) ?? '',
    // A part may have been on its way here when the client stopped.
    onStop: (work) => (stopped ? work() : undo.unshift(work)),
    onLeave: (work) => handOver.push(work),
    pause,
    congested: delivery.congested,
  };

  client.onLeave(dropped.stored);
  const handAllOver = () => each(handOver);
  followPage(client, session, queue, delivery, handAllOver);
  startAuto(client);
  const later = guard(async (on: boolean, load: () => Promise<{ start: Part }>) => {
    const part = on && (await load());
    if (part && !stopped) part.start(client);
  });
  later(options.replay, () => import('./replay/index.js'));
  later(options.reportButton, () => import('./report/index.js'));
  later(options.webVitals, () => import('./auto/vitals.js'));
  later(options.autocapture, () => import('./auto/clicks.js'));

  return {
    ...client,
    setUser: guard((user: User) => {
      const { id } = options.user;
      if (!user.id) return;
      handAllOver();
      options.user = user;
      if (user.id !== id) session.renew();
    }),
    flush() {
      handAllOver();
      return delivery.flush();
    },
    stop() {
      handAllOver();
      each(undo);
      stopped = true;
    },
  };
}

/** Follows the page's life: what is queued leaves with it, and what it holds is free for the next page. */
function followPage(
  client: Client,
  session: Session,
  queue: Queue,
  delivery: Delivery,
  handAllOver: () => void,
): void {
  const adopt = guard(() => queue.adopt(delivery.flush));
  const adopting = setTimeout(adopt, ADOPT_MS);
  const release = () => {
    session.release();
    queue.release();
  };
  const leave = () => {
    handAllOver();
    delivery.leave();
  };
  client.onStop(() => {
    delivery.flush();
    delivery.stop();
    clearTimeout(adopting);
    release();
  });
  queue.hold();
  for (const type of ['pointerdown', 'keydown']) listen(client, window, type, () => session.id());
  listen(client, window, 'online', delivery.flush);
  listen(client, document, 'visibilitychange', () => (document.hidden ? leave() : adopt()));
  listen(client, window, 'pagehide', () => {
    leave();
    release();
  });
  listen(client, window, 'pageshow', ({ persisted }: PageTransitionEvent) => {
    if (!persisted) return;
    session.hold();
    queue.hold();
  });
}
