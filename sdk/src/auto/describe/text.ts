/** Texts for events: bounded, well-formed and scrubbed. */
import type { Client } from '../../seam.js';

/** At most `max` code units, without half a surrogate pair at the end: the collector refuses ill-formed texts. */
export function cut(text: string, max: number): string {
  return text.slice(0, max).replace(/[\ud800-\udbff]$/, '');
}

/** The text with each URL scrubbed; lines and columns after URLs in stacks are kept. */
export function scrubText(client: Client, text: string): string {
  return text.replace(
    /(https?:\/\/[^\s'"()]+?)((?::\d+)*(?=[\s'"()]|$))/g,
    (_, url, place) => client.scrub(url) + place,
  );
}

/** The scrubbed URL, without the origin if it is the page's own. */
export function shorten(client: Client, url: string): string {
  const scrubbed = client.scrub(url);
  return scrubbed.startsWith(`${location.origin}/`) ? scrubbed.slice(location.origin.length) : scrubbed;
}
