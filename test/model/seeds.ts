/** Which seeds to live: `SPYGLASS_SEED` names one, `SPYGLASS_SEEDS` how many. */

/** Seeds 1 … `count`, unless the environment asks for others. */
export function seedsFor(count: number): number[] {
  const { SPYGLASS_SEED: one, SPYGLASS_SEEDS: many } = process.env;
  if (one !== undefined) return [Number(one)];
  return Array.from({ length: many === undefined ? count : Number(many) }, (_, index) => index + 1);
}
