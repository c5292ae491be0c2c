/** One run of the client, from `init` to `stop`: puts queue, delivery, session and parts together. */
import { attempt } from './attempt.js';
import { listen } from './auto/hooks.js';
import { startAuto } from './auto/index.js';
import { pageName } from './auto/pageviews.js';
import { pause } from './backoff.js';
import { createDelivery } from './delivery.js';
import { toLine } from './line.js';
import type { Options, User } from './options.js';
import { createQueue } from './queue.js';
import type { Client, Draft, Part } from './seam.js';
import { createSession } from './session.js';
import { createShelf } from './storage.js';

export interface Running {
  readonly client: Client;
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
  let dropped = 0;
  let stopped = false;

  const guard: Client['guard'] =
    (work) =>
    (...args) => {
      const result = attempt(() => work(...args));
      if (result instanceof Promise) result.catch(() => {});
    };
  const each = <A extends unknown[]>(works: ((...args: A) => void)[], ...args: A) => {
    for (const work of works) guard(work)(...args);
  };
  const drop = (count: number) => {
    dropped += count;
  };

  const session = createSession({
    shelf: createShelf(() => sessionStorage),
    key: `${prefix}session`,
    user: () => options.user.id,
    begun: (id) => each(listeners, id),
  });
  const queue = createQueue({
    shelf: createShelf(() => localStorage),
    prefix: `${prefix}queue:`,
    locks: navigator.locks,
    drop,
  });
  const delivery = createDelivery({
    ...options,
    fetch: nativeFetch,
    queue,
    drop,
    stored() {
      const count = dropped;
      dropped = 0;
      if (count) client.record({ type: 'event', name: '$events_dropped', props: { count } });
    },
  });

  const scrub = (url: string) => attempt(() => String(options.scrubUrl(url))) ?? '';
  const lineOf = ({ type, name, url = location.href, props, ts = Date.now() }: Draft): string => {
    const active = type !== 'network' && type !== 'error';
    const session_id = session.id(active);
    const { id: user_id, name: user_name, email } = options.user;
    const person = { name: user_name, email };
    const event = {
      ts,
      user_id: String(user_id),
      session_id,
      type,
      name: String(name ?? pageName(client)),
      url: attempt(() => {
        // Relative to nowhere: should the scrubber leave nothing, the page's own must not come back.
        const { pathname, search, hash } = new URL(scrub(new URL(url, location.href).href), 'http://x');
        return pathname + search + hash;
      }),
      user: session.introduce(JSON.stringify(person)) ? person : undefined,
    };
    return toLine(event, props);
  };

  const client: Client = {
    options,
    // What others have wrapped by now can't be put back, and goes on calling.
    record: guard((draft) => stopped || delivery.take(lineOf(draft))),
    deliver: async (draft) => attempt(() => delivery.deliver(lineOf(draft))) ?? false,
    session: (active = true) => session.id(active),
    onSession: (listener) => listeners.push(listener),
    guard,
    fetch: nativeFetch,
    scrub,
    // A part may have been on its way here when the client stopped.
    onStop: (work) => (stopped ? work() : undo.unshift(work)),
    onLeave: (work) => handOver.push(work),
    pause,
    congested: delivery.congested,
  };

  const adopt = guard(() => queue.inherit(delivery.flush));
  const adopting = setTimeout(adopt, ADOPT_MS);
  const leave = () => {
    each(handOver);
    delivery.leave();
  };
  queue.hold();
  for (const type of ['pointerdown', 'keydown']) listen(client, window, type, () => session.id(true));
  listen(client, window, 'online', delivery.flush);
  listen(client, document, 'visibilitychange', () => (document.hidden ? leave() : adopt()));
  listen(client, window, 'pagehide', () => {
    leave();
    session.release();
    queue.release();
  });
  listen(client, window, 'pageshow', ({ persisted }: PageTransitionEvent) => {
    if (!persisted) return;
    session.resume();
    queue.hold();
  });
  startAuto(client);
  const later = guard(async (on: boolean, load: () => Promise<{ start: Part }>) => {
    if (!on) return;
    const { start } = await load();
    if (!stopped) start(client);
  });
  later(options.replay, () => import('./replay/index.js'));
  later(options.reportButton, () => import('./report/index.js'));
  later(options.webVitals, () => import('./auto/vitals.js'));
  later(options.autocapture, () => import('./auto/clicks.js'));

  return {
    client,
    setUser: guard((user: User) => {
      const { id } = options.user;
      if (!user.id) return;
      each(handOver);
      options.user = user;
      if (user.id !== id) session.renew();
    }),
    async flush() {
      each(handOver);
      await delivery.flush();
    },
    stop() {
      each(handOver);
      each(undo);
      stopped = true;
      delivery.flush();
      delivery.stop();
      clearTimeout(adopting);
      session.release();
      queue.release();
    },
  };
}
