/**
 * The events that wait to be sent, in batches that outlive the page.
 *
 * A batch is one entry of the storage, `<prefix><owner>:<batch id>`. Its life:
 * 1. It is begun by an event and has its id from then on; each event that joins it is stored before `add` returns.
 * 2. Full, or old enough, it is closed: from here on what the id stands for never changes, so sending it twice does no harm.
 * 3. It is sent by its owner, again and again until there is a final answer; then its entry is removed.
 * 4. If it must be split, its parts take ids made from its own, and are stored before it is removed. Whoever splits it
 *    again after a crash in between makes the same parts, which the collector then knows already.
 *
 * A page owns the entries it wrote. While it lives it holds a lock in its owner's name; when it is gone, another page of
 * the app takes its entries over by moving them under its own name. A page that finds its open batch gone begins another.
 */
import type { Dropped } from './dropped.js';
import { uuid } from './id.js';
import type { Shelf } from './storage.js';

export interface Batch {
  readonly id: string;
  /** When it was begun, Unix ms. */
  readonly at: number;
  /** The events, each as JSON on one line. */
  readonly events: string[];
  /** The length of its entry. */
  length: number;
  /** How often it was refused, by whomever; once the collector did, it is gone. */
  blocked: number;
  /** How often it was sent: without an answer nobody knows whether the collector has it. */
  sent: number;
  /** How often it is under way. */
  underway: number;
  /** It is under way from a page that is going away, or was about to. */
  leaving?: boolean;
  /** The collector has it. */
  stored?: boolean;
}

export interface Queue {
  /** Adds an event, as JSON on one line, to the open batch or to a new one, and returns that. */
  add(event: string): Batch;
  /** Ends the open batch. */
  close(): void;
  /** The closed batches, oldest first, without those that are too old to be sent. */
  closed(): Batch[];
  /** Removes a batch whose answer is final; what `parts` there are take its place. False when it was gone already. */
  settle(batch: Batch, parts?: string[][]): boolean;
  /** Takes over what pages that are gone have left; `found` runs once for each. */
  adopt(found: () => void): Promise<void>;
  /** Holds the lock that keeps other pages away from our batches, until `release`. */
  hold(): void;
  release(): void;
}

export interface QueueDeps extends Pick<Dropped, 'drop'> {
  shelf: Shelf;
  /** Begins each key; the same for all pages of an app. */
  prefix: string;
  /** Absent where a page is not served securely. */
  locks?: LockManager | undefined;
}

export const BATCH_EVENTS = 20;
/** A page that is left can send 64 KB in all. */
const BATCH_CHARS = 32_000;
/** A fifth of what browsers give an origin, which is for the app to use. */
const QUEUE_CHARS = 1_000_000;
/** The collector remembers batch ids for 7 days, so an older batch might be stored twice. */
const AGE_MS_MAX = 6 * 86_400_000;

export function createQueue({ shelf, prefix, locks, drop }: QueueDeps): Queue {
  const own = `${prefix}${uuid()}:`;
  const batches: Batch[] = [];
  let open: Batch | undefined;
  let release = () => {};

  const put = (batch: Batch) => {
    const text = [batch.at, ...batch.events].join('\n');
    batch.length = text.length;
    shelf.set(own + batch.id, text);
  };
  const insert = (id: string, at: number, events: string[], place = 0) => {
    const batch: Batch = { id, at, events, length: 0, blocked: 0, sent: 0, underway: 0 };
    put(batch);
    batches.splice(place, 0, batch);
    return batch;
  };
  const forget = (batch: Batch) => {
    batches.splice(batches.indexOf(batch), 1);
    shelf.remove(own + batch.id);
  };
  const giveUp = (batch: Batch) => {
    forget(batch);
    drop(batch.events);
  };
  /** Gives up the oldest batches, those first that were not sent, until the rest is small enough; one alone may be larger. */
  const makeRoom = () => {
    const old = batches.slice(0, -1).filter(({ underway }) => !underway);
    for (const batch of old.sort((a, b) => a.sent - b.sent)) {
      if (batches.reduce((sum, { length }) => sum + length, 0) > QUEUE_CHARS) giveUp(batch);
    }
  };

  return {
    add(event) {
      if (open && shelf.get(own + open.id) !== null && open.length + event.length <= BATCH_CHARS) {
        open.events.push(event);
        put(open);
      } else {
        open = insert(uuid(), Date.now(), [event], batches.length);
      }
      makeRoom();
      return open;
    },
    close() {
      open = undefined;
    },
    closed() {
      const oldest = Date.now() - AGE_MS_MAX;
      batches.filter(({ at, underway }) => at < oldest && !underway).forEach(giveUp);
      return batches.filter((batch) => batch !== open);
    },
    settle(batch, parts = []) {
      const place = batches.indexOf(batch);
      if (place < 0) return false;
      parts.forEach((events, part) => {
        insert(batch.id + part, batch.at, events, place + part);
      });
      forget(batch);
      return true;
    },
    async adopt(found) {
      const keys = shelf.keys().filter((key) => key.startsWith(prefix) && !key.startsWith(own));
      if (!keys.length) return;
      const { adopt } = await import('./adopt.js');
      adopt({
        shelf,
        keys,
        own,
        locks,
        insert,
        found() {
          batches.sort((a, b) => a.at - b.at);
          makeRoom();
          found();
        },
      });
    },
    hold() {
      const until = new Promise<void>((resolve) => {
        release = resolve;
      });
      locks?.request(own, () => until).catch(() => {});
    },
    release: () => release(),
  };
}
