/** Random numbers from a seed made of words: the same words give the same numbers on every machine. */

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [min, max], both included. */
  int(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Picks by weight; `weights[i]` belongs to `items[i]`. */
  weighted<T>(items: readonly T[], weights: readonly number[]): T;
  /** Milliseconds with a long tail around `typical`, as waiting and reading times have. */
  wait(typical: number): number;
  /** Lower-case hexadecimal digits. */
  hex(digits: number): string;
}

/** A generator of its own for each combination of words, so that one day or user can be made without the others. */
export function randomFrom(...words: readonly (string | number)[]): Random {
  const next = sfc32(words.join('/'));
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  const pick = <T>(items: readonly T[]): T => {
    const item = items[int(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  };
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick,
    weighted: (items, weights) => {
      let rest = next() * weights.reduce((sum, weight) => sum + weight, 0);
      const found = items.find((_, i) => {
        rest -= weights[i] ?? 0;
        return rest < 0;
      });
      return found ?? pick(items);
    },
    wait: (typical) => Math.round(typical * (0.3 + -Math.log(1 - next()) * 0.7)),
    hex: (digits) => Array.from({ length: digits }, () => int(0, 15).toString(16)).join(''),
  };
}

/** Chris Doty-Humphrey's sfc32 of PractRand, its state filled by Bob Jenkins' one-at-a-time hash of the seed. */
function sfc32(seed: string): () => number {
  let hash = 0;
  const word = () => {
    for (let i = 0; i < seed.length; i++) {
      hash = (hash + seed.charCodeAt(i)) | 0;
      hash = (hash + (hash << 10)) | 0;
      hash ^= hash >>> 6;
    }
    hash = (hash + (hash << 3)) | 0;
    hash ^= hash >>> 11;
    hash = (hash + (hash << 15)) | 0;
    return hash;
  };
  let a = word();
  let b = word();
  let c = word();
  let counter = 1;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next(); // the first few still look like the seed
  return next;
}
