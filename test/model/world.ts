/** The few apps, people, names and moments one history is made of: few, so that they collide often. */
import type { JsonText, Person } from '../../src/domain/event.js';
import { DAY_MS, MAX_TS, TEXT_MAX } from '../../src/domain/limits.js';
import type { Random } from './random.js';

/** A leap day lies in the middle. Long past, so that a collector's own clock leaves these times alone. */
export const FIRST_DAY = Date.UTC(2024, 1, 28);
export const DAYS = 4;
const HOUR_MS = 3_600_000;
/** When the histories' first request arrives. */
export const FIRST_RECEIPT = FIRST_DAY + DAYS * DAY_MS + 9 * HOUR_MS;

/**
 * What kind of history. Most are small; wide, long and dense ones reach the limits of packed blocks and record batches;
 * swept ones have so many record batches that a sweep takes several turns, and sweep often.
 */
export type Shape = 'small' | 'wide' | 'long' | 'dense' | 'swept';

export interface World {
  shape: Shape;
  apps: string[];
  users: string[];
  sessions: string[];
  names: string[];
  /** The sessions that have replays, if any do. */
  recorded: string[];
  /** Moments that come up again and again. */
  moments: number[];
  /** Whether times at the very ends of what can be stored come up. */
  extreme: boolean;
  /** Whether few batch ids come back again and again while days pass. */
  retrying: boolean;
}

/** Every app a history may name. */
export const APPS = ['inventory', 'a', 'b', 'shop_2', 'z-9', '0'];

/** Pairs that differ in composition, case or one byte, or whose UTF-8 order is not their UTF-16 order. */
const TEXTS = [
  'alice',
  'bob',
  'a',
  'ab',
  'A',
  'é',
  'e\u0301',
  '\u{1F600}',
  '\uFFFD',
  '\uE000',
  '日本語',
  '\u{10FFFF}',
  'a b',
  '../x',
  'a/b',
  '%2e',
  '"quoted"',
  '__proto__',
  'constructor',
  '0',
];

const IDS = [...TEXTS, 'u'.repeat(128), `${'u'.repeat(127)}v`, '€'.repeat(128), '.'.repeat(100)];

const NAMES = [
  ...TEXTS,
  'view',
  'cart',
  'checkout',
  'nul\u0000in it',
  'two\nlines',
  ' padded ',
  'x'.repeat(TEXT_MAX),
  `${'x'.repeat(TEXT_MAX - 1)}y`,
  '€'.repeat(TEXT_MAX),
  `${'€'.repeat(TEXT_MAX - 1)}₭`,
  'n'.repeat(1_500),
];

const PROPS = [
  '{}',
  '{"amount":1200}',
  '{"amount":-0.1e-7,"max":1.7976931348623157e308,"min":-9007199254740993}',
  '{"digits":123456789012345678901234567890}',
  '{"a":null,"b":{"c":[null,{"d":null},[]]}}',
  '{"π":"\u{1F600}","e\u0301":"é"}',
  '{ "spaced" : [ 1.0 , -0 ] }',
  '{"escaped":"\\u00e9\\ud83d\\ude00\\n"}',
  `{"stack":"${'at f (app.js:1:1)\\n'.repeat(300)}"}`,
  '{"stack":"TypeError: x\\n    at f (https://a.example/app.js:1:1)\\n    at g (app.js:9:1)"}',
  '{"stack":"g@https://b.example/app.js:9:1\\nf@app.js:1:1","source":"/app.js"}',
  '{"stack":null,"source":"https://a.example/app.js","line":1,"column":1}',
].map((text) => text as JsonText);

const PEOPLE: Person[] = [
  { name: 'Alice' },
  { name: 'Alice Ä\u{1F600}', email: 'alice@example.com' },
  { email: 'a@example.com' },
  { name: 'Bob', email: 'bob@example.com' },
];

export const pickProps = (random: Random): JsonText => random.pick(PROPS);
export const pickPerson = (random: Random): Person => random.pick(PEOPLE);

export function someOf<T>(random: Random, choices: readonly T[], count: number): T[] {
  const left = [...choices];
  const chosen: T[] = [];
  while (chosen.length < count && left.length > 0) chosen.push(...left.splice(random.below(left.length), 1));
  return chosen;
}

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

function pickShape(random: Random): Shape {
  const rare: Shape[] = ['wide', 'long', 'dense', 'swept', 'swept', 'swept'];
  return rare[random.below(40)] ?? 'small';
}

export function createWorld(random: Random, appsMax: number): World {
  const shape = pickShape(random);
  // Wide histories pass 256 users and 512 names, where the views' packed blocks end.
  const wide = shape === 'wide';
  const many = wide || shape === 'swept';
  const sessions = [...someOf(random, IDS, random.between(1, 6)), ...(many ? numbered('s-', 80) : [])];
  return {
    shape,
    apps: someOf(random, APPS, random.between(1, appsMax)),
    users: [
      ...someOf(random, IDS, random.between(1, 6)),
      ...(many ? numbered('user-', wide ? 600 : 50) : []),
    ],
    sessions,
    recorded: sessions.slice(0, 2),
    // Dense ones have one name so often on a day that its packed times fill several blocks.
    names:
      shape === 'dense'
        ? ['crowded']
        : [...someOf(random, NAMES, random.between(2, 9)), ...(wide ? numbered('name-', 700) : [])],
    moments: [
      ...Array.from({ length: 4 }, () => FIRST_DAY + random.below(DAYS * DAY_MS)),
      // Where an hour ends and another begins.
      FIRST_DAY + random.below(DAYS * 24) * HOUR_MS,
    ],
    extreme: random.oneIn(10),
    retrying: random.oneIn(12),
  };
}

/** A UTC midnight of the world's days, or a millisecond or two to a side of it. */
export const nearMidnight = (random: Random): number =>
  FIRST_DAY + random.between(0, DAYS) * DAY_MS + random.pick([-2, -1, -1, 0, 0, 0, 1]);

/** A time for an event; `last` is that of the event before it. */
export function pickTs(random: Random, world: World, last: number): number {
  if (world.extreme && random.oneIn(30)) return random.pick([0, 1, MAX_TS, MAX_TS - 1, MAX_TS - 60_000]);
  const way = random.below(8);
  if (way < 2) return random.pick(world.moments);
  if (way === 2) return nearMidnight(random);
  if (way === 3) return FIRST_DAY + random.below(DAYS * DAY_MS);
  const step = random.pick([0, 0, 1, 7, 9_999, 10_000, 10_001, 59_999, 60_000, 60_001, -1, -1_000, -60_000]);
  return Math.min(MAX_TS, Math.max(0, last + step));
}

/** A bound of a range: often absent, often exactly where an event or a day begins. */
export function pickBound(random: Random, world: World): number | undefined {
  if (random.oneIn(2)) return undefined;
  const way = random.below(8);
  if (way === 0) return random.pick([0, 1, MAX_TS, MAX_TS - 60_000]);
  if (way === 1) return FIRST_DAY + random.pick([-1, DAYS + 1]) * DAY_MS;
  if (way < 4) return nearMidnight(random);
  if (way < 6) return random.pick(world.moments) + random.pick([0, 0, 1, -1, 60_000, -60_000]);
  return FIRST_DAY + random.below(DAYS * DAY_MS);
}
