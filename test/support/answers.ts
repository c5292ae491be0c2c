/** What a collector of this tree answers on a data folder, for comparisons. */
import type { AppConfig } from '../../src/config/config.js';
import { startCollector } from './collector.js';
import { ask } from './http.js';

/** Every query, of all there is, and of some of it. */
export const QUERIES = [
  '/v1/query/events?limit=500',
  '/v1/query/events?limit=50&type=error',
  '/v1/query/users?limit=500',
  '/v1/query/sessions?limit=500',
  '/v1/query/funnel?steps=/items,/cart',
  '/v1/query/aggregates?limit=100',
  '/v1/query/names?limit=100',
  '/v1/query/errors?limit=100',
];

/** Status and body of the answer, by path. */
export async function answersOf(
  dataDir: string,
  paths: readonly string[],
  apps?: Record<string, AppConfig>,
): Promise<Record<string, unknown>> {
  const collector = await startCollector({ dataDir, ...(apps ? { apps } : {}) });
  try {
    const answers: Record<string, unknown> = {};
    for (const path of paths) {
      const { status, text } = await ask(collector.url, path);
      answers[path] = { status, body: JSON.parse(text) };
    }
    return answers;
  } finally {
    await collector.close();
  }
}
