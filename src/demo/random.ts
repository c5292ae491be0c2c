/** Random numbers from a seed made of words: the same words give the same numbers on every machine. */
import { createHash } from 'node:crypto';

export type Random = ReturnType<typeof randomFrom>;

/** Each combination of words has its own generator, so one day or user can be made without the others. */
export function randomFrom(...words: readonly (string | number)[]) {
  const next = sfc32(words.join('/'));
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  const pick = <T>(items: readonly T[]): T => {
    const item = items[int(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  };
  return {
    /** A number in [0, 1). */
    next,
    /** An integer in [min, max], both included. */
    int,
    chance: (probability: number): boolean => next() < probability,
    pick,
    /** Picks by weight; `weights[i]` belongs to `items[i]`. */
    weighted: <T>(items: readonly T[], weights: readonly number[]): T => {
      let rest = next() * weights.reduce((sum, weight) => sum + weight, 0);
      const found = items.find((_, i) => {
        rest -= weights[i] ?? 0;
        return rest < 0;
      });
      return found ?? pick(items);
    },
    /** A duration, or any amount, with a long tail around `typical`, as waiting and reading times have. */
    wait: (typical: number): number => Math.round(typical * (0.3 + -Math.log(1 - next()) * 0.7)),
    /** Lower-case hexadecimal digits. */
    hex: (digits: number): string => Array.from({ length: digits }, () => int(0, 15).toString(16)).join(''),
  };
}

/** sfc32 by Chris Doty-Humphrey (PractRand), its state filled from a SHA-256 of the seed. */
function sfc32(seed: string): () => number {
  const hash = createHash('sha256').update(seed).digest();
  let [a, b, c, counter] = [hash.readInt32LE(0), hash.readInt32LE(4), hash.readInt32LE(8), 1];
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
}
