/** A small seeded random number generator: the same seed gives the same history on every machine. */

export interface Random {
  /** An integer in 0 … `bound` − 1. */
  below(bound: number): number;
  /** An integer in `least` … `greatest`, both included. */
  between(least: number, greatest: number): number;
  /** True once in `times`, on average. */
  oneIn(times: number): boolean;
  pick<T>(choices: readonly T[]): T;
}

/** sfc32, Chris Doty-Humphrey's small fast counter generator (PractRand), with its twelve rounds of warm-up. */
export function createRandom(seed: number): Random {
  let a = 0;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;

  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  }
  for (let round = 0; round < 12; round++) next();

  // A remainder favours small numbers by at most bound ÷ 2³², which no history can tell.
  const below = (bound: number): number => next() % bound;
  return {
    below,
    between: (least, greatest) => least + below(greatest - least + 1),
    oneIn: (times) => below(times) === 0,
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new Error('nothing to pick from');
      return choices[below(choices.length)] as T;
    },
  };
}
