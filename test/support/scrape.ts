/** What `/metrics` says, as numbers by series. */
import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { ask } from './http.js';

/** Values by series: `name` or `name{label="value",…}`; throws unless it is a 200. */
export async function scrape(url: string, headers: OutgoingHttpHeaders = {}): Promise<Map<string, number>> {
  const { status, text } = await ask(url, '/metrics', { headers });
  assert.equal(status, 200, text);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [series = '', value] = line.split(/ (?=\S+$)/);
      return [series, Number(value)];
    }),
  );
}

/** How much a series grew between two scrapes; one that was not there yet began at 0. */
export const growth = (
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  series: string,
): number => (after.get(series) ?? 0) - (before.get(series) ?? 0);
