/** The shapes of the API's answers as the reference describes them, written down apart from the code under test. */

export interface EventRow {
  id: number;
  ts: number;
  app: string;
  user_id: string;
  session_id: string;
  type: string;
  name: string;
  url?: string;
  props?: unknown;
  user?: { name?: string; email?: string };
  client_ts?: number;
}

export interface EventsAnswer {
  events: EventRow[];
  head: number;
  next_cursor?: string;
}

export interface UserRow {
  user_id: string;
  app: string;
  last_seen: number;
  session_count: number;
  first_seen: number;
  name?: string;
  email?: string;
}

export interface SessionRow {
  session_id: string;
  app: string;
  user_id: string;
  started_at: number;
  last_seen: number;
  chunk_count: number;
  event_count: number;
  error_count: number;
}

export interface NameCount {
  name: string;
  count: number;
}

export interface DayCount {
  day: string;
  count: number;
}

export interface AggregatesAnswer {
  dau: DayCount[];
  top_events: NameCount[];
  top_pages: NameCount[];
  errors_by_day: DayCount[];
}

export interface ErrorGroupRow {
  group: string;
  app: string;
  name: string;
  frame?: string;
  count: number;
  user_count: number;
  first_seen: number;
  last_seen: number;
  last_event_id: number;
  by_day: DayCount[];
}

export interface ErrorGroupsAnswer {
  groups: ErrorGroupRow[];
}

export interface ChunkRow {
  seq: number;
  ts?: number;
  path: string;
}

export interface ManifestAnswer {
  session_id: string;
  chunks: ChunkRow[];
}

export interface IncidentAnswer {
  event: EventRow;
  breadcrumbs: EventRow[];
  incident_ts: number;
  session_id: string;
  group?: string;
  previous_id?: number;
  next_id?: number;
  replay_cue?: { chunks: ChunkRow[] };
}
