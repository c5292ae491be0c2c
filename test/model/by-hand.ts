/** Small histories written by hand, for the tests of the model itself. */
import type { EventRequest, NewEvent } from '../../src/domain/event.js';
import { DAY_MS } from '../../src/domain/limits.js';
import { createModel, type Model } from './model.js';

export const DAY = Date.UTC(2026, 5, 14);

export function event(ts: number, user_id: string, name: string, rest: Partial<NewEvent> = {}): NewEvent {
  return { ts, user_id, session_id: `s_${user_id}`, type: 'event', name, ...rest };
}

export const batch = (events: NewEvent[], rest: Partial<EventRequest> = {}): EventRequest => ({
  app: 'inventory',
  receivedAt: DAY + DAY_MS,
  events,
  ...rest,
});

export async function given(...batches: EventRequest[]): Promise<Model> {
  const model = createModel();
  await model.append(batches);
  return model;
}

export const ids = (events: readonly { id: number }[]): number[] => events.map((one) => one.id);
