/**
 * Console lines in a recording, in the form of rrweb's own plugin. That one reads all of what is logged: a list of five
 * million numbers held the page up for seconds, and it cut no text (rrweb-io/rrweb#653). It also throws for an error
 * event without an error.
 */
import type { RecordPlugin } from '@rrweb/types';
import { briefly } from './brief.js';
import { quietly } from './quietly.js';

const LEVELS = ['debug', 'log', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];
const LINES_MAX = 1_000;
const VALUES_MAX = 20;
const FRAMES_MAX = 10;

export function consolePlugin(): RecordPlugin {
  return { name: 'rrweb/console@1', options: {}, observer: (take, page) => watch(take, page) };
}

function watch(take: (line: object) => void, page: Window & { console: Console }): () => void {
  const { console } = page;
  const undo: (() => void)[] = [];
  let lines = 0;
  let isInside = false;
  let isOver = false;

  const note = (level: Level, values: unknown[], trace: string[]) => {
    lines++;
    if (lines < LINES_MAX) take({ level, trace, payload: values.slice(0, VALUES_MAX).map(briefly) });
    else if (lines === LINES_MAX)
      take({ level: 'warn', trace: [], payload: [briefly('Further lines are not recorded.')] });
  };
  const listen = <E extends Event>(type: string, work: (event: E) => void) => {
    const listener = (event: Event) => quietly(() => work(event as E));
    page.addEventListener(type, listener);
    undo.push(() => page.removeEventListener(type, listener));
  };
  const patch = (level: Level) => {
    const original = console[level];
    const patched = function (this: unknown, ...values: unknown[]) {
      original.apply(this, values);
      // What is logged may log when it is looked at.
      if (isInside || isOver) return;
      isInside = true;
      const here = new Error();
      // Without its own frame.
      quietly(() => note(level, values, framesOf(here).slice(1)));
      isInside = false;
    };
    quietly(() => {
      Object.defineProperty(patched, 'name', { value: level });
      console[level] = patched;
    });
    undo.push(() => {
      if (console[level] === patched) console[level] = original;
    });
  };

  listen<ErrorEvent>('error', ({ message, error }) => message && note('error', [message], framesOf(error)));
  listen<PromiseRejectionEvent>('unhandledrejection', ({ reason }) => {
    const { name, message } = Object(reason);
    const isError = typeof name === 'string' && typeof message === 'string';
    const told = isError ? [`Uncaught (in promise) ${name}: ${message}`] : ['Uncaught (in promise)', reason];
    note('error', told, framesOf(reason));
  });
  for (const level of LEVELS) patch(level);
  return () => {
    isOver = true;
    for (const each of undo) each();
  };
}

/** The lines of its stack that name a place. */
function framesOf(error: unknown): string[] {
  const lines = String(Object(error).stack ?? '').split('\n', 2 * FRAMES_MAX);
  return lines
    .filter((line) => /:\d+/.test(line))
    .slice(0, FRAMES_MAX)
    .map((line) => line.replace(/^\s*at /, ''));
}
