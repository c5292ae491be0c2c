/** Text search: anywhere in a text, in any case. */

export function finder(wanted: string): (...texts: readonly (string | undefined)[]) => boolean {
  const needle = wanted.toLowerCase();
  return (...texts) => texts.some((text) => text?.toLowerCase().includes(needle));
}
