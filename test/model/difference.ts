/** Says where two answers first differ, in words a person can act on. */

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Long text cut in its middle, with its length said. */
export function brief(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex').slice(0, 120)}`;
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Uint8Array) return `bytes ${Buffer.from(part).toString('hex').slice(0, 40)}`;
    if (typeof part !== 'string' || part.length <= 48) return part;
    return `${part.slice(0, 24)}…${part.slice(-8)} (${part.length})`;
  });
  return text ?? 'undefined';
}

/** The first place where `got` is not `expected`, or undefined when they are equal to the last field. */
export function firstDifference(expected: unknown, got: unknown, path = 'answer'): string | undefined {
  if (Object.is(expected, got)) return undefined;
  if (expected instanceof Uint8Array && got instanceof Uint8Array) {
    return Buffer.compare(expected, got) === 0
      ? undefined
      : `${path}: expected ${brief(expected)}, got ${brief(got)}`;
  }
  if (!isRecord(expected) || !isRecord(got) || Array.isArray(expected) !== Array.isArray(got)) {
    return `${path}: expected ${brief(expected)}, got ${brief(got)}`;
  }
  for (const key of Object.keys(expected)) {
    const place = Array.isArray(expected) ? `${path}[${key}]` : `${path}.${key}`;
    if (!Object.hasOwn(got, key)) return `${place}: expected ${brief(expected[key])}, got nothing`;
    const difference = firstDifference(expected[key], got[key], place);
    if (difference !== undefined) return difference;
  }
  const extra = Object.keys(got).find((key) => !Object.hasOwn(expected, key));
  return extra === undefined ? undefined : `${path}.${extra}: expected nothing, got ${brief(got[extra])}`;
}
