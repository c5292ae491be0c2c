/** Recordings as a collector has them, for tests of pages that make them. */
import type { TestCollector } from '../support/collector.js';
import type { ManifestAnswer } from '../support/rows.js';
import { eventsOf, until } from './pages.js';

export interface Recorded {
  type: number;
  timestamp: number;
  data: {
    source?: number;
    href?: string;
    plugin?: string;
    payload?: { level: string; payload: string[]; trace: string[] };
  };
}

export const FULL_SNAPSHOT = 2;
export const PLUGIN = 6;

/** The session of a user who has one. */
export async function sessionOf(collector: TestCollector, user: string): Promise<string> {
  const [event] = await until(async () => {
    const events = await eventsOf(collector.url, user);
    return events.length > 0 && events;
  });
  return event?.session_id ?? '';
}

export async function manifest(collector: TestCollector, session: string): Promise<ManifestAnswer['chunks']> {
  const response = await collector.get(`/v1/sessions/${session}/replay`);
  return response.ok ? ((await response.json()) as ManifestAnswer).chunks : [];
}

/** The events of each chunk, in order. */
export async function recorded(collector: TestCollector, session: string): Promise<Recorded[][]> {
  const chunks = await manifest(collector, session);
  return Promise.all(
    chunks.map(async ({ path }) => (await collector.get(path)).json() as Promise<Recorded[]>),
  );
}

export async function snapshots(collector: TestCollector, session: string): Promise<Recorded[]> {
  return (await recorded(collector, session)).flat().filter(({ type }) => type === FULL_SNAPSHOT);
}
