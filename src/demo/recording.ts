/** Session replays of made-up visits: rrweb recordings in gzipped chunks, one for each page a person was on. */
import { gzipSync } from 'node:zlib';
import { DAY_MS } from '../domain/limits.js';
import type { DemoSession } from './month.js';
import { type PageSnapshot, pageSnapshot, type Spot, VIEWPORT } from './page-snapshot.js';
import { type Random, randomFrom } from './random.js';
import type { DemoEvent } from './visit.js';

export interface DemoChunk {
  session: string;
  seq: number;
  /** Of the chunk's first recorded event, Unix ms. */
  ts: number;
  /** A gzip stream of a JSON array of rrweb events. */
  bytes: Uint8Array;
}

interface RrwebEvent {
  type: number;
  data: object;
  timestamp: number;
}

/** rrweb's event types and sources of incremental snapshots that are used here. */
const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const META = 4;
const PLUGIN = 6;
const MUTATION = 0;
const MOUSE_MOVE = 1;
const MOUSE_INTERACTION = 2;
const INPUT = 5;
const CLICK = 2;

const ORIGIN = 'https://stock.harborline.example';
/** The default retention of replays: older visits are not recorded. */
const RECORDED_DAYS = 14;
const RECORDED_SHARE = 0.01;
const MOVE_MS = 600;
const SLOW_MS = 800;
const MOVE_POINTS = 8;

/** Whether a visit is recorded: each recent one with an error or a bug report, and a few of the others. */
export function isRecorded(session: DemoSession, until: number): boolean {
  const { ts } = session.events[0] ?? { ts: 0 };
  if (ts < until - RECORDED_DAYS * DAY_MS) return false;
  const troubled = session.events.some(({ type }) => type === 'error' || type === 'bug_report');
  return troubled || randomFrom('recorded', session.id).chance(RECORDED_SHARE);
}

/** The visit's chunks in order; each begins with a full snapshot, so it can be played by itself. */
export function record(session: DemoSession): DemoChunk[] {
  const random = randomFrom('recording', session.id);
  return byPage(session.events).map((events, index) => {
    const recorded = recordPage(events, random);
    return {
      session: session.id,
      seq: index + 1,
      ts: recorded[0]?.timestamp ?? 0,
      bytes: gzipSync(JSON.stringify(recorded)),
    };
  });
}

/** Runs of events that each begin with a page view. */
function byPage(events: readonly DemoEvent[]): DemoEvent[][] {
  const pages: DemoEvent[][] = [];
  for (const event of events) {
    const page = pages.at(-1);
    if (event.type === 'pageview' || page === undefined) pages.push([event]);
    else page.push(event);
  }
  return pages;
}

function recordPage(events: readonly DemoEvent[], random: Random): RrwebEvent[] {
  const { ts: start, url } = events[0] ?? { ts: 0, url: '/' };
  const page = pageSnapshot(url);
  const pointer = { x: VIEWPORT.width / 2, y: VIEWPORT.height / 2 };
  const snapshot = { node: page.document, initialOffset: { left: 0, top: 0 } };
  const recorded: RrwebEvent[] = [
    { type: META, data: { href: ORIGIN + url, ...VIEWPORT }, timestamp: start },
    { type: FULL_SNAPSHOT, data: snapshot, timestamp: start },
    move(pointer, page.button, start + 1),
    ...events.flatMap(consoleLine),
  ];
  const rest = events.slice(1).filter(({ type }) => type !== 'network');
  for (const event of rest) recorded.push(...gesture(event, page, pointer, random));
  const wander = page.rows.length > 0 ? random.pick(page.rows) : page.button;
  const end = Math.max(...recorded.map(({ timestamp }) => timestamp));
  recorded.push(move(pointer, wander, end + random.wait(2_000) + MOVE_MS));
  return recorded.sort((a, b) => a.timestamp - b.timestamp);
}

/** What the app and the browser print to the console, as rrweb's console plugin records it. */
function consoleLine({ type, name, ts, props = {} }: DemoEvent): RrwebEvent | [] {
  const line = (level: string, text: string, after: number, trace: string[] = []): RrwebEvent => {
    const payload = { level, payload: [JSON.stringify(text)], trace };
    return { type: PLUGIN, data: { plugin: 'rrweb/console@1', payload }, timestamp: ts + after };
  };
  if (type === 'pageview') return line('info', `[router] ${name}`, 1);
  if (type === 'error')
    return line('error', `Uncaught ${name}`, 0, String(props.stack).split(/\n +/).slice(1));
  if (type !== 'network') return [];
  const [status, took] = [Number(props.status), Number(props.duration_ms)];
  if (status >= 400) return line('error', `[api] ${name} answered ${status}`, took);
  return took > SLOW_MS ? line('warn', `[api] ${name} took ${took} ms`, took) : [];
}

/** What the recording shows at the moment of an event; moves the pointer. */
function gesture(
  event: DemoEvent,
  page: PageSnapshot,
  pointer: { x: number; y: number },
  random: Random,
): RrwebEvent[] {
  if (event.type === 'error') return [showToast(page, event.ts)];
  if (event.name === 'item_searched') {
    return [
      move(pointer, page.search, event.ts - 1_400),
      click(page.search, event.ts - 1_350),
      ...typing(page.search, event),
    ];
  }
  const target =
    event.name.endsWith('_viewed') && page.rows.length > 0 ? random.pick(page.rows) : page.button;
  return [move(pointer, target, event.ts - 60), click(target, event.ts)];
}

/** A change of the page by one of rrweb's sources. */
const change = (source: number, data: object, timestamp: number): RrwebEvent => ({
  type: INCREMENTAL,
  data: { source, ...data },
  timestamp,
});

function move(pointer: { x: number; y: number }, target: Spot, timestamp: number): RrwebEvent {
  const from = { ...pointer };
  const positions = Array.from({ length: MOVE_POINTS }, (_, index) => {
    const part = (index + 1) / MOVE_POINTS;
    const eased = part * part * (3 - 2 * part);
    return {
      x: Math.round(from.x + (target.x - from.x) * eased),
      y: Math.round(from.y + (target.y - from.y) * eased),
      id: target.id,
      timeOffset: Math.round(MOVE_MS * (part - 1)),
    };
  });
  pointer.x = target.x;
  pointer.y = target.y;
  return change(MOUSE_MOVE, { positions }, timestamp);
}

const click = ({ id, x, y }: Spot, timestamp: number): RrwebEvent =>
  change(MOUSE_INTERACTION, { type: CLICK, id, x, y }, timestamp);

/** Types the search words a letter at a time; the last letter has the time of the event. */
function typing({ id }: Spot, { ts, props }: DemoEvent): RrwebEvent[] {
  const query = String(props?.query ?? '');
  const letterMs = Math.floor(1_200 / Math.max(1, query.length));
  return Array.from(query, (_, index) => {
    const data = { text: query.slice(0, index + 1), isChecked: false, id };
    return change(INPUT, data, ts - (query.length - 1 - index) * letterMs);
  });
}

/** The message that something failed; those of several errors lie on top of each other. */
function showToast({ bodyId, toast }: PageSnapshot, timestamp: number): RrwebEvent {
  const { box, label } = toast();
  const adds = [
    { parentId: bodyId, nextId: null, node: box },
    { parentId: box.id, nextId: null, node: label },
  ];
  return change(MUTATION, { texts: [], attributes: [], removes: [], adds }, timestamp);
}
