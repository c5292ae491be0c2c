/** One run of the client, from `init` to `stop`: puts queue, delivery, session and parts together. */
import { listen } from './auto/hooks.js';
import { startAuto } from './auto/index.js';
import { pause } from './backoff.js';
import { createDelivery } from './delivery.js';
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

/** The collector cuts names here; what is longer need not be kept. */
const NAME_MAX = 2_048;
/** Time for the page before this one to finish what it had under way. */
const ADOPT_MS = 2_000;

export function start(options: Options): Running {
  const undo: (() => void)[] = [];
  const handOver: (() => void)[] = [];
  const listeners: ((id: string) => void)[] = [];
  const prefix = `spyglass:${options.app}:`;
  const nativeFetch = window.fetch.bind(window);
  let dropped = 0;
  /** Name or email changed within a session. */
  let renamed = false;
  let stopped = false;

  const guard: Client['guard'] =
    (work) =>
    (...args) => {
      try {
        const result = work(...args);
        if (result instanceof Promise) result.catch(() => {});
      } catch {
        // The app goes on as if we were not there.
      }
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

  const scrub = (url: string) => {
    try {
      return String(options.scrubUrl(url));
    } catch {
      return '';
    }
  };
  /** Path, search and hash of a scrubbed URL; empty should nothing be left of it. */
  const place = (url: string) => {
    const { pathname, search, hash } = new URL(url, location.href);
    return pathname + search + hash;
  };
  const lineOf = ({ type, name, url = location.href, props, ts = Date.now() }: Draft): string => {
    const active = type !== 'network' && type !== 'error';
    const session_id = session.id(active);
    const { id: user_id, name: user_name, email } = options.user;
    const introduce = session.introduce() || renamed;
    renamed = false;
    const scrubbed = scrub(url);
    const event = {
      ts: Math.floor(ts),
      user_id,
      session_id,
      type,
      name: String(name).slice(0, NAME_MAX),
      url: scrubbed && place(scrubbed),
      user: introduce ? { name: user_name, email } : undefined,
    };
    // Half of a character, which a cut may leave, would cost the event.
    const write = (event: object) => JSON.stringify(event).replace(/(\\\\)|\\ud[89a-f]../g, '$1');
    try {
      return write({ ...event, props });
    } catch {
      return write(event);
    }
  };

  const client: Client = {
    options,
    record: guard((draft) => delivery.take(lineOf(draft))),
    async deliver(draft) {
      try {
        return await delivery.deliver(lineOf(draft));
      } catch {
        return false;
      }
    },
    session: (active = true) => session.id(active),
    onSession: (listener) => listeners.push(listener),
    guard,
    fetch: nativeFetch,
    isOwn: (url) => {
      const { href } = new URL(url, location.href);
      return (
        href.startsWith(options.endpoint) &&
        /^\/(v1\/(events|replay)|sdk\/)/.test(href.slice(options.endpoint.length))
      );
    },
    scrub,
    // A part may have been on its way here when the client stopped.
    onStop: (work) => (stopped ? work() : undo.push(work)),
    onLeave: (work) => handOver.push(work),
    pause,
    congested: delivery.congested,
  };

  const adopt = guard(() => queue.adopt(delivery.flush));
  const adopting = setTimeout(adopt, ADOPT_MS);
  const leave = () => {
    each(handOver);
    delivery.leave();
  };
  queue.hold();
  for (const type of ['pointerdown', 'keydown']) listen(client, window, type, () => session.id(true));
  listen(client, window, 'online', () => {
    adopt();
    return delivery.flush();
  });
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
  const startLater = (on: boolean, load: () => Promise<Part>) => {
    if (on)
      load().then(
        (part) => stopped || guard(part)(client),
        () => {},
      );
  };
  startLater(options.replay, async () => (await import('./replay/index.js')).startReplay);
  startLater(options.reportButton, async () => (await import('./report/index.js')).startReportButton);

  return {
    client,
    setUser: guard((user: User) => {
      const { user: before } = options;
      if (!user.id || JSON.stringify(user) === JSON.stringify(before)) return;
      each(handOver);
      options.user = user;
      if (user.id !== before.id) session.renew();
      else renamed = true;
    }),
    async flush() {
      each(handOver);
      await delivery.flush();
    },
    stop() {
      each(handOver);
      delivery.flush();
      delivery.stop();
      clearTimeout(adopting);
      stopped = true;
      each(undo);
      session.release();
      queue.release();
    },
  };
}
