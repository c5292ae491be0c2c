/** What the API answers with, as types: the store's own shapes, but for `props`, which arrive parsed. */
import type { EventType, Person } from '../../../src/domain/event.js';
import type {
  ActivityDay,
  CountedName,
  ErrorGroupRow,
  SessionRow,
  UserRow,
} from '../../../src/store/port.js';

export type {
  ActivityDay,
  Aggregates,
  CountedDay,
  CountedName,
  ErrorGroupRow,
  SessionRow,
  UserRow,
} from '../../../src/store/port.js';
export type { EventType, Person };

export const EVENT_TYPES: readonly EventType[] = ['event', 'pageview', 'network', 'error', 'bug_report'];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Props = { [key: string]: Json };

export interface Event {
  id: number;
  ts: number;
  app: string;
  user_id: string;
  session_id: string;
  type: EventType;
  name: string;
  url?: string;
  props?: Props;
  user?: Person;
  client_ts?: number;
}

export interface EventsAnswer {
  /** Newest first. */
  events: Event[];
  next_cursor?: string;
  head: number;
}

export interface UsersAnswer {
  users: UserRow[];
}

export interface SessionsAnswer {
  sessions: SessionRow[];
}

export interface FunnelAnswer {
  steps: CountedName[];
}

export interface AppsAnswer {
  /** Keys are the operator's alone. */
  apps: { name: string; key?: string; origins: string[] }[];
  dashboard_password: boolean;
  version: string;
}

export interface ChunkReference {
  seq: number;
  ts?: number;
  path: string;
}

export interface ManifestAnswer {
  session_id: string;
  chunks: ChunkReference[];
}

export interface IncidentAnswer {
  event: Event;
  breadcrumbs: Event[];
  incident_ts: number;
  session_id: string;
  /** Of an error. */
  group?: string;
  previous_id?: number;
  next_id?: number;
  replay_cue?: { chunks: ChunkReference[] };
}

export interface ErrorGroupsAnswer {
  /** Greatest count first. */
  groups: ErrorGroupRow[];
}

export interface ActivityAnswer {
  /** Ascending, days without any left out. */
  days: ActivityDay[];
}

export interface NamesAnswer {
  /** Greatest count first. */
  names: CountedName[];
}
