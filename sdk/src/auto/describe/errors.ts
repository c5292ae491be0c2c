/** Errors as events; equal errors within 5 s are one event with a count. */
import type { Client, Draft } from '../../seam.js';
import type { Moment } from '../late.js';
import { cut, scrubText } from './text.js';

type Kind = 'error' | 'unhandledrejection' | 'console.error' | 'react';

type Place = [source?: string, line?: string | number, column?: string | number];

export interface Errors {
  note(at: Moment, kind: Kind, error: unknown, place?: Place, componentStack?: string): void;
  /** Notes the arguments of `console.error`. */
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
/** Parts of a logged object that are shown, so that a large object is not serialised whole. */
const OBJECT_PARTS_MAX = 100;
const PLACE = /(\w+:\/\/[^\s()]+?):(\d+):(\d+)/;

export function createErrors(client: Client): Errors {
  /** The errors of the last 5 s, by name and source position. */
  const held = new Map<string, Held>();
  /** Keys of error objects: one may be logged, caught by a boundary and thrown again. */
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

  const hold = (at: Moment, kind: Kind, name: string, error: unknown, place: Place, more: string) => {
    const object = Object(error);
    const stack = scrubText(client, cut(`${object.stack ?? ''}${more}`, STACK_MAX));
    const [source, line, column] = place[0] ? place : (PLACE.exec(stack)?.slice(1) ?? []);
    // Not by the whole stack: React renders a failed component twice, with different stacks.
    const key = known.get(object) ?? [name, source, line, column].join();
    known.set(object, key);
    const same = held.get(key)?.props;
    if (same !== undefined) {
      // An error that is thrown, logged and caught by a boundary happened once.
      if (same.kind === kind) same.count = (same.count ?? 1) + 1;
      else if (kind === 'react') same.kind = kind;
      return;
    }
    held.set(key, {
      ...at,
      type: 'error',
      name: cut(scrubText(client, name), NAME_MAX),
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
      // A value's `toString` may log an error.
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

/** Not `instanceof`: errors of other frames have another `Error`. */
function isError(value: unknown): value is Error {
  return typeof (value as Error | undefined)?.message === 'string';
}

/** A logged line as a console shows it: values replace the `%` specifiers of the first one, the others follow. */
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
    // Of a long list no more is looked at than is kept.
    const partOf = (part: unknown) =>
      Array.isArray(part) || ArrayBuffer.isView(part)
        ? (part as unknown[]).slice?.(0, OBJECT_PARTS_MAX)
        : part;
    try {
      return JSON.stringify(value, (_, part) => (left-- > 0 ? partOf(part) : undefined)) ?? String(value);
    } catch {
      // Cycles have no JSON.
    }
  }
  return String(value);
}
