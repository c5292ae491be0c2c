/**
 * The most frequent names. Counts decide which names can be among them, so few texts are looked up. Where
 * very many can, the dictionary is read in the order of the texts, and a text is made only for the result.
 */
import type { Dictionaries } from '../../log/batches/dictionaries.js';
import type { NameSums } from '../../projections/name-counts.js';
import type { CountedName } from '../../questions/shapes.js';
import { compareUtf8, openFirst } from './merge.js';

/** Texts that are looked up one by one; of more the dictionary is read in order. */
const LOOKUPS_MAX = 10_000;

interface Names {
  dictionaries: Dictionaries;
  checkTime: () => void;
}

interface Wanted {
  limit: number;
  prefix?: string;
}

/** Greatest counts first, then by the name's bytes. */
export function topNames(
  { dictionaries, checkTime }: Names,
  sums: NameSums,
  { limit, prefix = '' }: Wanted,
): CountedName[] {
  const { first, add } = openFirst<CountedName>(
    limit,
    (a, b) => b.count - a.count || compareUtf8(a.name, b.name),
  );
  const look = (number: number): void => {
    checkTime();
    const name = dictionaries.text('name', number);
    if (name.startsWith(prefix)) add({ name, count: sums.of(number) });
  };
  // With a prefix any count may be among the greatest.
  const least = prefix === '' ? leastOfFirst(sums, limit, checkTime) : 0;
  const above = numbersOf(sums, checkTime, (count) => count > least);
  const ties = least === 0 ? [] : numbersOf(sums, checkTime, (count) => count === least);
  if (above !== undefined && ties !== undefined) {
    for (const number of [...above, ...ties]) look(number);
    return first;
  }
  for (const number of above ?? []) look(number);
  const isWanted = (count: number): boolean => (above === undefined ? count > least : count === least);
  for (const number of firstInOrder({ dictionaries, checkTime }, sums, { limit, prefix, isWanted }))
    look(number);
  for (const number of dictionaries.long('name')) if (isWanted(sums.of(number))) look(number);
  return first;
}

/** The least of the `limit` greatest counts; 0 where there are fewer. */
function leastOfFirst(sums: NameSums, limit: number, check: () => void): number {
  const { first, add } = openFirst<number>(limit, (a, b) => b - a);
  sums.each((_, count) => {
    check();
    add(count);
  });
  return first.length < limit ? 0 : (first.at(-1) ?? 0);
}

/** The names with such a count; `undefined` where they are more than can be looked up. */
function numbersOf(
  sums: NameSums,
  check: () => void,
  isSuch: (count: number) => boolean,
): number[] | undefined {
  const found: number[] = [];
  sums.each((name, count) => {
    check();
    if (found.length <= LOOKUPS_MAX && isSuch(count)) found.push(name);
  });
  return found.length > LOOKUPS_MAX ? undefined : found;
}

/** The short names that come first by count, then by their bytes: those of one count as they are read. */
function firstInOrder(
  { dictionaries, checkTime }: Names,
  sums: NameSums,
  { limit, prefix, isWanted }: Required<Wanted> & { isWanted: (count: number) => boolean },
): number[] {
  const { first, add } = openFirst<{ number: number; count: number }>(limit, (a, b) => b.count - a.count);
  let greatest = 0;
  sums.each((_, count) => {
    if (isWanted(count)) greatest = Math.max(greatest, count);
  });
  for (const number of dictionaries.inOrder('name', prefix)) {
    checkTime();
    const count = sums.of(number);
    if (!isWanted(count)) continue;
    add({ number, count });
    // Nothing that follows comes before these.
    if (first.length === limit && first[limit - 1]?.count === greatest) break;
  }
  return first.map(({ number }) => number);
}
