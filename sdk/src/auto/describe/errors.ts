/** Errors as events; the same within 5 s is one, with a count. */
import type { Client, Draft } from '../../seam.js';
import type { Moment } from '../late.js';
import { cut, scrubText } from './text.js';

type Kind = 'error' | 'unhandledrejection' | 'console.error' | 'react';

type Place = [source?: string, line?: string | number, column?: string | number];

export interface Errors {
  note(at: Moment, kind: Kind, error: unknown, place?: Place, componentStack?: string): void;
  /** Notes what `console.error` was given. */
  noteLine(at: Moment, values: readonly unknown[]): void;
}

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
const PLACE = /(\w+:\/\/[^\s()]+?):(\d+):(\d+)/;

export function createErrors(client: Client): Errors {
  /** The errors of the last 5 s, by what makes them identical: name and place. */
  const held = new Map<string, Held>();
  /** Which of them an error object belongs to: one may be logged, caught by a boundary and thrown on. */
  const known = new WeakMap<object, string>();
  let inside = false;

  const release = (key: string) => {
    const error = held.get(key);
    held.delete(key);
    if (error !== undefined) client.record(error);
  };
  client.onLeave(() => {
    for (const key of [...held.keys()]) release(key);
  });

  const hold = (
    { ts, url }: Moment,
    kind: Kind,
    name: string,
    error: unknown,
    place: Place,
    more: string,
  ) => {
    const object = Object(error);
    const stack = scrubText(client, cut(`${object.stack ?? ''}${more}`, STACK_MAX));
    const [source, line, column] = place[0] ? place : (PLACE.exec(stack)?.slice(1) ?? []);
    // Not by the whole stack: React, for one, renders twice what failed, and comes there by another way.
    const key = known.get(object) ?? [name, source, line, column].join();
    known.set(object, key);
    const same = held.get(key)?.props;
    if (same !== undefined) {
      // One that is thrown, logged and caught by a boundary happened once.
      if (same.kind === kind) same.count = (same.count ?? 1) + 1;
      else if (kind === 'react') same.kind = kind;
      return;
    }
    held.set(key, {
      type: 'error',
      name: cut(scrubText(client, name), NAME_MAX),
      url,
      ts,
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

  return {
    note: (at, kind, error, place = [], componentStack = '') => {
      const text = textOf(error);
      hold(at, kind, isError(error) ? text : `Error: ${text}`, error, place, componentStack);
    },
    noteLine: (at, values) => {
      // A value may log an error while it is made a text.
      if (inside) return;
      inside = true;
      try {
        const error = values.find(isError);
        const name = error && error === values[0] ? textOf(error) : `console.error: ${lineOf(values)}`;
        hold(at, 'console.error', name, error, [], '');
      } finally {
        inside = false;
      }
    },
  };
}

/** Errors of other frames are none of this one's `Error`. */
function isError(value: unknown): value is Error {
  return typeof (value as Error | undefined)?.message === 'string';
}

/** A logged line as a console shows it: the values in the places that the first one gives them, the rest behind it. */
function lineOf([first, ...rest]: readonly unknown[]): string {
  const line = textOf(first).replace(/%[sdifoOc]/g, (place) => {
    if (rest.length === 0) return place;
    const value = textOf(rest.shift());
    return place === '%c' ? '' : value;
  });
  return [line, ...rest.map(textOf)].join(' ');
}

function textOf(value: unknown): string {
  if (isError(value)) return `${value.name}: ${value.message}`;
  if (typeof value === 'object' && value !== null) {
    let left = OBJECT_PARTS_MAX;
    try {
      return JSON.stringify(value, (_, part) => (left-- > 0 ? part : undefined)) ?? String(value);
    } catch {
      // Circles have no text.
    }
  }
  return String(value);
}
