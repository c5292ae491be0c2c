/** Errors: uncaught ones, unhandled rejections and what is written by `console.error`; the same within 5 s is one. */
import type { Client, Part } from '../seam.js';
import { listen, patch } from './hooks.js';
import { cut, scrubText } from './text.js';

type Kind = 'error' | 'unhandledrejection' | 'console.error' | 'react';

interface Place {
  source?: string | undefined;
  line?: number | undefined;
  column?: number | undefined;
}

interface Held {
  kind: Kind;
  count: number;
  /** Records it. */
  release: () => void;
}

const HELD_MS = 5_000;
const NAME_MAX = 1_000;
const STACK_MAX = 4_000;
/** Of a logged object, so many keys are shown. */
const OBJECT_PARTS_MAX = 100;

/** Takes an error that an error boundary caught; does nothing until errors are captured. */
export const boundary: { note?: (error: unknown, componentStack: string) => void } = {};

export const startErrors: Part = (client) => {
  /** The errors of the last 5 s, by all that makes them identical. */
  const held = new Map<string, Held>();
  /** Which of them an error object belongs to: one may be logged, caught by a boundary and thrown on. */
  const known = new WeakMap<object, string>();

  const note = (kind: Kind, error: unknown, name: string, place: Place = {}, more = '') => {
    const object = error instanceof Object ? error : {};
    const before = held.get(known.get(object) ?? '');
    if (before !== undefined && before.kind !== kind) {
      if (kind === 'react') before.kind = kind;
      return;
    }
    const stack = scrubText(client, cut(stackOf(error) + more, STACK_MAX));
    const key = kind + name + stack;
    known.set(object, key);
    const same = held.get(key);
    if (same !== undefined) {
      same.count += 1;
      return;
    }
    const [, source, line, column] = /(\w+:\/\/[^\s()]+?):(\d+):(\d+)/.exec(stack) ?? [];
    const ts = Date.now();
    const url = location.href;
    const entry: Held = {
      kind,
      count: 1,
      release: () => {
        clearTimeout(timer);
        held.delete(key);
        client.record({
          type: 'error',
          name: cut(scrubText(client, name), NAME_MAX),
          url,
          ts,
          props: {
            kind: entry.kind,
            stack: stack || undefined,
            source: place.source ? client.scrub(place.source) : source,
            line: place.line || (line && +line),
            column: place.column || (column && +column),
            count: entry.count > 1 ? entry.count : undefined,
          },
        });
      },
    };
    const timer = setTimeout(entry.release, HELD_MS);
    held.set(key, entry);
  };

  const release = () => {
    for (const entry of [...held.values()]) entry.release();
  };
  client.onLeave(release);

  listen(client, window, 'error', (event: ErrorEvent) => {
    const { error, message, filename, lineno, colno } = event;
    // Images and scripts that fail to load arrive here too, without a message.
    if (message === undefined) return;
    const name = isError(error) ? nameOf(error) : `Error: ${message}`;
    note('error', error, name, { source: filename, line: lineno, column: colno });
  });
  listen(client, window, 'unhandledrejection', ({ reason }: PromiseRejectionEvent) => {
    note('unhandledrejection', reason, isError(reason) ? nameOf(reason) : `Error: ${textOf(reason)}`);
  });
  boundary.note = client.guard((error: unknown, componentStack: string) => {
    note('react', error, isError(error) ? nameOf(error) : `Error: ${textOf(error)}`, {}, componentStack);
  });
  client.onStop(() => {
    delete boundary.note;
  });
  if (client.options.consoleErrors) startConsole(client, note);
};

function startConsole(client: Client, note: (kind: Kind, error: unknown, name: string) => void): void {
  let inside = false;
  const noteLine = client.guard((values: unknown[]) => {
    const error = values.find(isError);
    note(
      'console.error',
      error,
      error && values[0] === error ? nameOf(error) : `console.error: ${lineOf(values)}`,
    );
  });
  patch(
    client,
    console,
    'error',
    (original) =>
      function (this: Console, ...values) {
        original.apply(this, values);
        // What a value does while it is made a text may be to log an error.
        if (inside) return;
        inside = true;
        noteLine(values);
        inside = false;
      },
  );
}

/** Errors of other frames are none of this one's `Error`. */
function isError(value: unknown): value is Error {
  return value instanceof Object && 'message' in value && 'name' in value;
}

function stackOf(error: unknown): string {
  return isError(error) ? String(error.stack ?? '') : '';
}

function nameOf({ name, message }: Error): string {
  return `${name}: ${message}`;
}

/** A logged line as a console shows it: the values in the places that the first one gives them, the rest behind it. */
function lineOf([first, ...rest]: unknown[]): string {
  const line = textOf(first).replace(/%[sdifoOc]/g, (place) => {
    const value = rest.length > 0 ? textOf(rest.shift()) : place;
    return place === '%c' ? '' : value;
  });
  return [line, ...rest.map(textOf)].join(' ');
}

function textOf(value: unknown): string {
  if (isError(value)) return nameOf(value);
  if (typeof value === 'object') {
    try {
      // A store that someone logs whole must not be walked whole.
      let left = OBJECT_PARTS_MAX;
      return JSON.stringify(value, (_, part) => (left-- > 0 ? part : undefined));
    } catch {
      // Circles have no text.
    }
  }
  return String(value);
}
