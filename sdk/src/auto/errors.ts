/** Errors: uncaught ones, unhandled rejections and what is written by `console.error`; the same within 5 s is one. */
import type { Draft, Part } from '../seam.js';
import { listen, patch } from './hooks.js';
import { cut, scrubText } from './text.js';

type Kind = 'error' | 'unhandledrejection' | 'console.error' | 'react';

type Place = [source?: string, line?: string | number, column?: string | number];

interface Held extends Draft {
  props: {
    kind: Kind;
    stack?: string | undefined;
    source?: string | undefined;
    line?: number | undefined;
    column?: number | undefined;
    count?: number;
  };
}

const HELD_MS = 5_000;
const NAME_MAX = 1_000;
const STACK_MAX = 4_000;
/** Of a logged object, so many parts are shown: a store that someone logs whole must not be walked whole. */
const OBJECT_PARTS_MAX = 100;

/** Takes an error that a boundary caught, and where in the tree; does nothing until errors are captured. */
export const boundary: { note?: (error: unknown, componentStack: string) => void } = {};

export const startErrors: Part = (client) => {
  /** The errors of the last 5 s, by all that makes them identical. */
  const held = new Map<string | undefined, Held>();
  /** Which of them an error object belongs to: one may be logged, caught by a boundary and thrown on. */
  const known = new WeakMap<object, string>();

  const release = (key?: string) => {
    const error = held.get(key);
    held.delete(key);
    if (error) client.record(error);
  };
  client.onLeave(() => {
    for (const key of [...held.keys()]) release(key);
  });

  const note = (
    kind: Kind,
    error: unknown,
    place: Place = [],
    name = isError(error) ? textOf(error) : `Error: ${textOf(error)}`,
    componentStack = '',
  ) => {
    const object = Object(error);
    const before = held.get(known.get(object))?.props;
    if (before && before.kind !== kind) {
      if (kind === 'react') before.kind = kind;
      return;
    }
    const stack = scrubText(client, cut(`${object.stack ?? ''}${componentStack}`, STACK_MAX));
    const key = kind + name + stack;
    known.set(object, key);
    const same = held.get(key)?.props;
    if (same) {
      same.count = (same.count ?? 1) + 1;
      return;
    }
    const [source, line, column] = place[0]
      ? place
      : (/(\w+:\/\/[^\s()]+?):(\d+):(\d+)/.exec(stack)?.slice(1) ?? []);
    held.set(key, {
      type: 'error',
      name: cut(scrubText(client, name), NAME_MAX),
      url: location.href,
      ts: Date.now(),
      props: {
        kind,
        stack: stack || undefined,
        source: source && client.scrub(String(source)),
        line: Number(line) || undefined,
        column: Number(column) || undefined,
      },
    });
    setTimeout(release, HELD_MS, key);
  };

  listen(client, window, 'error', ({ error, message, filename, lineno, colno }: ErrorEvent) => {
    // Images and scripts that fail to load arrive here too, without a message.
    if (message) note('error', error ?? message, [filename, lineno, colno]);
  });
  listen(client, window, 'unhandledrejection', ({ reason }: PromiseRejectionEvent) => {
    note('unhandledrejection', reason);
  });
  boundary.note = client.guard((error, componentStack) =>
    note('react', error, [], undefined, componentStack),
  );
  client.onStop(() => {
    delete boundary.note;
  });
  if (!client.options.consoleErrors) return;
  let inside = false;
  const noteLine = client.guard((values: unknown[]) => {
    const error = values.find(isError);
    note(
      'console.error',
      error,
      [],
      error && error === values[0] ? textOf(error) : `console.error: ${lineOf(values)}`,
    );
  });
  patch(
    client,
    console,
    'error',
    (original) =>
      function (this: Console, ...values) {
        original.apply(this, values);
        // A value may log an error while it is made a text.
        if (inside) return;
        inside = true;
        noteLine(values);
        inside = false;
      },
  );
};

/** Errors of other frames are none of this one's `Error`. */
function isError(value: unknown): value is Error {
  return typeof (value as Error | undefined)?.message === 'string';
}

/** A logged line as a console shows it: the values in the places that the first one gives them, the rest behind it. */
function lineOf([first, ...rest]: unknown[]): string {
  const line = textOf(first).replace(/%[sdifoOc]/g, (place) => (rest.length ? textOf(rest.shift()) : place));
  return [line, ...rest.map(textOf)].join(' ');
}

function textOf(value: unknown): string {
  if (isError(value)) return `${value.name}: ${value.message}`;
  let left = OBJECT_PARTS_MAX;
  try {
    // Circles have no text.
    if (value instanceof Object) return JSON.stringify(value, (_, part) => (left-- > 0 ? part : undefined));
  } catch {}
  return String(value);
}
