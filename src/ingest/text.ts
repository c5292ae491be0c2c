/** Cutting over-long text without leaving half a character behind. */

/**
 * The first `max` UTF-16 code units of `text`, one fewer where the cut would fall inside a surrogate pair. What was cut
 * is a copy: a slice would keep the whole original alive for as long as anybody remembers the name.
 */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  const inPair = last >= 0xd800 && last <= 0xdbff;
  return Buffer.from(text.slice(0, inPair ? max - 1 : max), 'utf8').toString('utf8');
}
