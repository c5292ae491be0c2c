/** Texts as events carry them: bounded, well-formed, without what the scrubber takes out. */
import type { Client } from '../../seam.js';

/** At most `max` code units, never ending in half of a pair: the collector refuses ill-formed texts. */
export function cut(text: string, max: number): string {
  return text.slice(0, max).replace(/[\ud800-\udbff]$/, '');
}

/** The text with each URL in it scrubbed; the line and column that stacks put behind a URL are kept. */
export function scrubText(client: Client, text: string): string {
  return text.replace(
    /(https?:\/\/[^\s'"()]+?)((?::\d+)*(?=[\s'"()]|$))/g,
    (_, url, place) => client.scrub(url) + place,
  );
}

/** A URL, scrubbed, as seen from the page: without the origin where that is the page's own. */
export function shorten(client: Client, url: string): string {
  const scrubbed = client.scrub(url);
  return scrubbed.startsWith(`${location.origin}/`) ? scrubbed.slice(location.origin.length) : scrubbed;
}
