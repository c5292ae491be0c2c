/** `@spyglass/sdk/node`: events of a server, delivered by the rules the browser's are delivered by. */
import { attempt } from '../attempt.js';
import { createDelivery } from '../delivery.js';
import { createDropped } from '../dropped.js';
import { uuid } from '../id.js';
import { said, toLine } from '../line.js';
import type { User } from '../options.js';
import { createQueue } from '../queue.js';
import { createShelf, type Shelf } from '../storage.js';
import { createFolderShelf } from './folder-shelf.js';

export type { User } from '../options.js';

export interface ServerOptions {
  /** Where the collector is, as `https://spyglass.example.com`. */
  endpoint: string;
  app: string;
  key: string;
  /** Whose events those are that name nobody; `server` by default. */
  user?: User | undefined;
  /** Where to keep what is queued, so that a crash loses nothing; in memory alone by default. */
  folder?: string | undefined;
}

/** Whom and what an event belongs to. */
export interface Context {
  user?: User | null | undefined;
  /** The session in the browser that the request came from; one of the process by default. */
  session?: string | null | undefined;
  url?: string | undefined;
  /** When it happened, whole Unix ms; now by default. */
  ts?: number | undefined;
}

export interface ServerSpyglass {
  /** Takes an event. Never throws. */
  capture(name: string, props?: Record<string, unknown>, context?: Context): void;
  /** Takes an error, with its stack. Never throws. */
  captureError(error: unknown, context?: Context): void;
  /** Sends what is queued; settles when that has been tried. */
  flush(): Promise<void>;
  /** Tries to send what is queued a last time. Until then a process that has events to send stays alive. */
  close(): Promise<void>;
}

/** What another process left is looked for this often. */
const INHERIT_MS = 60_000;

/** Throws a `TypeError` when `endpoint`, `app` or `key` is missing, and what making `folder` throws. */
export function createSpyglass(options: ServerOptions): ServerSpyglass {
  const { endpoint, app, key, user: everyone = { id: 'server' }, folder } = options;
  if (!(endpoint && app && key)) throw new TypeError('spyglass: endpoint, app and key are needed');
  const sessionId = `server-${uuid()}`;
  const shelf: Shelf = folder === undefined ? createShelf(inMemory) : createFolderShelf(folder);
  const dropped = createDropped((name, props) => take('event', name, props));
  const queue = createQueue({ ...dropped, shelf, prefix: `spyglass:${app}:queue:` });
  const delivery = createDelivery({
    ...dropped,
    endpoint: new URL(endpoint).href.replace(/\/+$/, ''),
    app,
    key,
    fetch,
    queue,
  });
  const adopt = () => queue.adopt(delivery.flush).catch(() => {});
  adopt();
  const inheriting = setInterval(adopt, INHERIT_MS).unref();

  const take = (type: string, name: string, props?: Record<string, unknown>, context?: Context) => {
    // Null is what many a server has for nobody.
    const { user, session, url, ts } = context ?? {};
    const person = user ?? everyone;
    const event = {
      ts: ts ?? Date.now(),
      user_id: String(person.id),
      session_id: String(session ?? sessionId),
      type,
      name: said(name),
      url: said(url),
      user: { name: said(person.name), email: said(person.email) },
    };
    delivery.take(toLine(event, props));
  };

  return {
    capture: (name, props, context) => void attempt(() => take('event', name, props, context)),
    captureError(error, context) {
      attempt(() => {
        const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
        take('error', `${name}: ${message}`, { kind: 'error', stack }, context);
      });
    },
    flush: delivery.flush,
    async close() {
      clearInterval(inheriting);
      dropped.stored();
      await delivery.flush();
      delivery.stop();
    },
  };
}

function inMemory(): never {
  throw new Error('there is no storage but the memory');
}
