/** Finds by what somebody types: anywhere within a text, in any case. */

/** Whether one of the texts has what is looked for. */
export function finder(wanted: string): (...texts: readonly (string | undefined)[]) => boolean {
  const needle = wanted.toLowerCase();
  return (...texts) => texts.some((text) => text?.toLowerCase().includes(needle));
}
