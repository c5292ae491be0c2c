/** Web vitals, by Google's library. */
import { onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals';
import type { Part } from '../seam.js';

export const start: Part = (client) => {
  const record = client.guard(({ name, value, rating }: { name: string; value: number; rating: string }) => {
    client.record({
      type: 'event',
      name: '$web_vital',
      props: { metric: name, value: round(value), rating },
    });
  });
  for (const watch of [onCLS, onFCP, onINP, onLCP, onTTFB]) watch(record);
};

/** Rounds milliseconds to a tenth, and layout shifts, which have no unit, to a ten-thousandth. */
function round(value: number): number {
  return value < 10 ? Math.round(value * 10_000) / 10_000 : Math.round(value * 10) / 10;
}
