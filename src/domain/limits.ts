/** The fixed numbers of the collector; the relations between them are checked at start. */
import assert from 'node:assert/strict';

export const DAY_MS = 86_400_000;
export const HOUR_MS = DAY_MS / 24;
/** Row keys hold times as 48-bit integers. */
export const MAX_TS = 2 ** 48 - 1;
export const MAX_ID = Number.MAX_SAFE_INTEGER;

// --- events (lengths in UTF-16 code units)
export const APP_NAME_MAX = 64;
export const USER_ID_MAX = 256;
export const SESSION_ID_MAX = 128;
/** `name` and `url` are cut at this length. */
export const TEXT_MAX = 2_048;
export const PERSON_TEXT_MAX = 256;
export const BATCH_ID_MIN = 8;
export const BATCH_ID_MAX = 64;
export const JSON_DEPTH_MAX = 64;
/** Field errors that an answer lists: a large body must not get a large answer. */
export const FIELD_ERRORS_MAX = 100;
export const BODY_BYTES_DEFAULT = 1_048_576;
export const CHUNK_BYTES_DEFAULT = 8_388_608;
/** Chunks are held in memory while they are written. */
export const CHUNK_BYTES_MAX = 256 * 1_048_576;
/** Replay bytes that an app may store in an hour: enough for a thousand people. */
export const REPLAY_HOUR_BYTES_DEFAULT = 4 * 1_073_741_824;
/** Free space below which replays, then events, are refused: the rest lets the operator clean up. */
export const REPLAY_FREE_BYTES_DEFAULT = 1_073_741_824;
export const EVENTS_FREE_BYTES_DEFAULT = 256 * 1_048_576;
/** Chunks are charged by whole blocks: a chunk of two bytes takes one, and an inode. */
export const DISK_BLOCK_BYTES = 4_096;
/** Free inodes below which replays are refused: each chunk takes one. */
export const REPLAY_FREE_FILES = 10_000;
export const DISK_RETRY_AFTER_S = 60;
export const CHUNK_SEQ_MAX = 1_000_000;

// --- clocks
/** A client clock that is off by more than this shifts every `ts` of its request. */
export const CLOCK_SKEW_MS = 60_000;
/** Once shifted, a time that is further ahead than this becomes the time of receipt. */
export const FUTURE_MS = 3_600_000;
/** So does one before the year 2000. An import keeps its times. */
export const MIN_TS = Date.UTC(2000, 0);
/** How long a `batch_id` is remembered. */
export const SEEN_MS = 7 * DAY_MS;

// --- queries
export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 500;
/** UTF-16 code units of text after which a page of events ends, since one event can fill a body. */
export const LIST_TEXT_MAX = 4 * 1_048_576;
export const TAIL_TEXT_MAX = 65_536;
export const TOP_LIMIT_DEFAULT = 10;
export const TOP_LIMIT_MAX = 100;
export const FUNNEL_STEPS_MIN = 2;
export const FUNNEL_STEPS_MAX = 20;
export const INCIDENT_BEFORE_MS = 60_000;
export const INCIDENT_AFTER_MS = 10_000;
/** A read that runs longer fails: its snapshot keeps LMDB from reusing pages. */
export const READ_MS_MAX = 5_000;

// --- the log
export const BATCH_EVENTS_MAX = 256;
/** Greatest difference of two `ts` in a record batch. Range reads rely on it. */
export const BATCH_SPAN_MS = 60_000;

// --- the write queue
export const QUEUE_REQUESTS_MAX = 2_048;
export const QUEUE_BYTES_MAX = 32 * 1_048_576;
/** Once so many requests wait, only those that show the right key at a glance are let in. */
export const QUEUE_GLANCE_REQUESTS = 256;
/** Requests, and bytes of their bodies, that did not show their key and wait until nobody else does. */
export const LATE_REQUESTS_MAX = 64;
export const LATE_BYTES_MAX = QUEUE_BYTES_MAX;
/** Once they have taken this long, they pause for this many times as long as they took. */
export const LATE_MS = 1;
export const LATE_PAUSE_FACTOR = 9;
export const RETRY_AFTER_S = 1;
/** How long a stop may take to finish accepted requests. */
export const SHUTDOWN_MS = 10_000;

// --- the WAL
/** Requests, and bytes of their bodies, in one commit group; the rest goes into the next one. */
export const GROUP_REQUESTS_MAX = 128;
export const GROUP_BODY_BYTES_MAX = 4 * 1_048_576;
/** A WAL file of this size gives way to the other one as soon as that is free. */
export const WAL_TURN_BYTES = 8 * 1_048_576;
/** Durable commit groups that the writer has not applied; at this bound no more are made (backpressure). */
export const UNAPPLIED_BYTES_MAX = 32 * 1_048_576;
/** The writer applies commit groups once they are this large, a read needs them, or a pause is over. */
export const APPLY_BYTES = 4 * 1_048_576;
/** The pause, as a multiple of the time that applying took: load makes transactions fewer and larger. */
export const APPLY_PAUSE_FACTOR = 4;
export const APPLY_PAUSE_MS_MAX = 250;

// --- the stream
export const STREAM_HEARTBEAT_MS = 5_000;
export const STREAM_READERS_MAX = 500;
/** Of these all but the operator may take so many, one app's readers so many, and these at one address. */
export const STREAM_OTHERS_MAX = 400;
export const STREAM_APP_READERS_MAX = 100;
export const STREAM_CLIENT_READERS_MAX = 50;
export const STREAM_PAGE_EVENTS = 256;
/** The least time between two reads of the log for live readers. */
export const STREAM_PAUSE_MS = 20;
/** A reader with more unsent bytes is dropped; it can resume from its last id. */
export const STREAM_BUFFER_BYTES_MAX = 1_048_576;
/** A reader that accepts nothing for this long is dropped. */
export const STREAM_STALL_MS = 30_000;

// --- the audit trail
/** A file of this size is set aside; so many files are kept: 200 MiB are some million lines. */
export const AUDIT_FILE_BYTES_MAX = 16 * 1_048_576;
export const AUDIT_FILES_MAX = 16;
/** The same reader of the same session is one line for this long. */
export const AUDIT_WATCHING_MS = 10 * 60_000;
/** Names from one address within that time; and lines of one address a minute, more than a person makes. */
export const AUDIT_NAMES_MAX = 10;
export const AUDIT_LINES_PER_MINUTE = 300;

// --- dashboard password
export const LOCKOUT_FAILURES = 10;
/** Wrong passwords that are answered at once; the answer to each further one waits this much longer. */
export const LOCKOUT_FREE_FAILURES = 3;
export const LOCKOUT_SLOW_MS = 100;
export const LOCKOUT_WINDOW_MS = 60_000;
export const LOCKOUT_MS = 60_000;
/** Addresses whose failures are remembered; the one whose last failure is oldest goes first. */
export const LOCKOUT_ADDRESSES_MAX = 10_000;

// --- HTTP
/** How long a request may take to arrive: a slow line needs minutes for a large chunk. */
export const REQUEST_MS_MAX = 300_000;
/** How long its headers may take, counted from the connection. */
export const HEADERS_MS_MAX = 10_000;
/** How often connections are checked against these bounds. */
export const CONNECTION_CHECK_MS = 2_000;
export const KEEP_ALIVE_MS = 72_000;
/** The least time between two log lines about a full queue. */
export const REFUSAL_LOG_MS = 10_000;
/** Bytes of unfinished bodies over all connections; beyond it the oldest one is cut off. */
export const UNFINISHED_BYTES_MAX = 128 * 1_048_576;
/** Smaller bodies are not counted: a connection costs as much by itself. */
export const SMALL_BODY_BYTES = 16_384;
/** Bytes of replay chunks that are being written; more are refused with a 503. */
export const CHUNKS_BYTES_MAX = 64 * 1_048_576;
/** How long a client may go on sending a body that was refused, before its connection is cut. */
export const LINGER_MS = 30_000;

/** LMDB's longest key with 4 KiB pages. */
export const KEY_BYTES_MAX = 1_978;

assert(USER_ID_MAX * 3 + 32 <= KEY_BYTES_MAX, 'a user id fits a key');
assert(SESSION_ID_MAX * 3 + 32 <= KEY_BYTES_MAX, 'a session id fits a key');
assert(DAY_MS % BATCH_SPAN_MS === 0, 'a record batch can be cut at midnight');
assert(BODY_BYTES_DEFAULT <= QUEUE_BYTES_MAX, 'the queue holds at least one body');
