/** The fixed numbers of the collector; the relations between them are checked at start. */
import assert from 'node:assert/strict';

export const DAY_MS = 86_400_000;
export const HOUR_MS = DAY_MS / 24;
/** Row keys hold times as 48-bit integers. */
export const MAX_TS = 2 ** 48 - 1;
export const MAX_ID = Number.MAX_SAFE_INTEGER;

// --- events (lengths of what is cut in UTF-16 code units, of what is refused in code points)
export const APP_NAME_MAX = 64;
export const USER_ID_MAX = 256;
export const SESSION_ID_MAX = 128;
/** `name` and `url` are cut at this length. */
export const TEXT_MAX = 2_048;
export const PERSON_TEXT_MAX = 256;
export const BATCH_ID_MIN = 8;
export const BATCH_ID_MAX = 64;
export const JSON_DEPTH_MAX = 64;
/** Objects and arrays of a body that JSON.parse has to read: so many, and one more for each so many bytes. */
export const JSON_PARTS_FREE = 16_000;
export const JSON_PART_BYTES = 32;
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
/** No JSON answer of a read is larger: UTF-8, before compression. */
export const ANSWER_BYTES_MAX = 8 * 1_048_576;
/** Larger props are left out of answers, so that every answer has room for an event. */
export const PROPS_ANSWER_BYTES_MAX = 4 * 1_048_576;
/** Chunks in a page of a manifest, and in an incident's cue. */
export const MANIFEST_CHUNKS_MAX = 50_000;
export const CUE_CHUNKS_MAX = 5_000;
export const TAIL_TEXT_MAX = 65_536;
export const TOP_LIMIT_DEFAULT = 10;
export const TOP_LIMIT_MAX = 100;
export const FUNNEL_STEPS_MIN = 2;
export const FUNNEL_STEPS_MAX = 20;
export const INCIDENT_BEFORE_MS = 60_000;
export const INCIDENT_AFTER_MS = 10_000;
/** A read that runs longer fails: its snapshot keeps LMDB from reusing pages. */
export const READ_MS_MAX = 5_000;
/** A look-up that runs longer goes on in another thread, so that the others need not wait for it. */
export const LOOKUP_MS_MAX = 25;
/** Reads that wait for a reader thread: all of a thread's, and those of one reader. More are refused. */
export const WAITING_READS_MAX = 256;
export const WAITING_READS_OF_ONE_MAX = 64;
/** How often a reader thread that died is started anew within a time; after that it stays down. */
export const READER_RESTARTS_MAX = 5;
export const READER_RESTARTS_MS = 600_000;
/** The heap of a reader thread, MiB: what it needs for bounded answers, several times over. */
export const READER_HEAP_MB = 128;

// --- the log
export const BATCH_EVENTS_MAX = 256;
/** Greatest difference of two `ts` in a record batch. Range reads rely on it. */
export const BATCH_SPAN_MS = 60_000;

// --- the write queue
export const QUEUE_REQUESTS_MAX = 2_048;
export const QUEUE_BYTES_MAX = 32 * 1_048_576;
/** Once so many requests or bytes wait, only those that show the right key in their first 512 bytes are let in. */
export const KEY_CHECK_FROM_REQUESTS = 256;
export const KEY_CHECK_FROM_BYTES = QUEUE_BYTES_MAX / 8;
/** Requests that did not show their key and wait until nobody else does. */
export const KEYLESS_REQUESTS_MAX = 64;
/** Once they have taken this long, they pause for this many times as long as they took. */
export const KEYLESS_MS = 1;
export const KEYLESS_PAUSE_FACTOR = 19;
/** Refusals an address gets at once, and then per second: further ones wait, and its connections with them. */
export const REFUSALS_AT_ONCE = 200;
export const REFUSALS_PER_SECOND = 100;
export const REFUSAL_WAIT_MS_MAX = 5_000;
/** Refusals of all addresses that wait, and addresses that are remembered. */
export const PACED_MAX = 4_096;
export const PACED_ADDRESSES_MAX = 10_000;
export const RETRY_AFTER_S = 1;
/** How long a stop may take: to answer accepted requests, then to finish the transaction under way. */
export const SHUTDOWN_MS = 15_000;

// --- the WAL
/** Requests, and bytes of their bodies, in one commit group; the rest goes into the next one. */
export const GROUP_REQUESTS_MAX = 128;
export const GROUP_BODY_BYTES_MAX = 4 * 1_048_576;
/** Events of one commit group: bytes do not bound them, since a body may be compressed. */
export const GROUP_EVENTS_MAX = 8_192;
/** A WAL file of this size gives way to the other one as soon as that is free. */
export const WAL_TURN_BYTES = 8 * 1_048_576;
/** Durable commit groups that the writer has not applied; at this bound no more are made (backpressure). */
export const UNAPPLIED_BYTES_MAX = 32 * 1_048_576;
/** The writer applies commit groups once they are this large, a read needs them, or a pause is over. */
export const APPLY_BYTES = 4 * 1_048_576;
/** The pause, as a multiple of the time that applying took: load makes transactions fewer and larger. */
export const APPLY_PAUSE_FACTOR = 4;
export const APPLY_PAUSE_MS_MAX = 250;
/**
 * What one transaction applies, of whole commit groups: events (at least one group), and parts, which are record
 * batches, new texts and `batch_id`s together. Each of these touches rows of its own, some twenty when no two batches
 * share an hour. A group of more parts takes several transactions; parts are fewer where they take long.
 */
export const APPLY_EVENTS_MAX = 131_072;
export const APPLY_PARTS_MAX = 16_384;
export const APPLY_PARTS_MIN = 1_024;
export const APPLY_MS = 1_000;
/** How long a stop goes on applying; the WAL keeps the rest for the next start. */
export const STOP_APPLY_MS = 2_000;

// --- the stream
export const STREAM_HEARTBEAT_MS = 5_000;
/** For what a feed that ends was sent already. */
export const STREAM_ENDING_MS = 500;
export const STREAM_READERS_MAX = 500;
/** Of these all but the operator may take so many, one app's readers so many, and these at one address. */
export const STREAM_OTHERS_MAX = 400;
export const STREAM_APP_READERS_MAX = 100;
export const STREAM_CLIENT_READERS_MAX = 50;
export const STREAM_PAGE_EVENTS = 256;
/** The least time between two reads of the log for live readers. */
export const STREAM_PAUSE_MS = 20;
/** How long after a read that the store had no time for. */
export const STREAM_BUSY_MS = 250;
/** A reader with more unsent bytes is dropped; it can resume from its last id. */
export const STREAM_BUFFER_BYTES_MAX = 1_048_576;
/** Unsent bytes of all readers; beyond it those with the most are dropped. */
export const STREAM_ALL_BYTES_MAX = 32 * 1_048_576;
/** A reader that accepts nothing for this long is dropped. */
export const STREAM_STALL_MS = 30_000;

/** Ids like the one that an erasure names, where nobody has that; and of how many users, last seen first, they are. */
export const NEAR_USERS = 5;
export const NEAR_USERS_LOOKED_AT = 2_000;
/** Sessions whose chunks are counted before an erasure. */
export const ERASE_SESSIONS_COUNTED = 1_000;

/** How often the log says of one tool that its clients send here. */
export const FOREIGN_CLIENT_LOG_MS = 3_600_000;
// --- the audit trail
/** A file of this size is set aside; so many files are kept: 200 MiB are some million lines. */
export const AUDIT_FILE_BYTES_MAX = 16 * 1_048_576;
export const AUDIT_FILES_MAX = 16;
/** The same reader of the same session is one line for this long. */
export const AUDIT_WATCHING_MS = 10 * 60_000;
/** Names from one address within that time; and lines of one address a minute, more than a person makes. */
export const AUDIT_NAMES_MAX = 10;
export const AUDIT_LINES_PER_MINUTE = 300;

// --- memory, in MiB: docs/deploy.md has the sum, and a test that it fits the container
/** Old space of the HTTP thread (node's flag, as it is shipped) and of the writer thread. */
export const HEAP_MB = 320;
/** Young space of each thread. Garbage is short-lived; by default a thread would keep three times as much memory for it. */
export const YOUNG_GENERATION_MB = 16;
/** Old space of the thread that copies the store beside all others, for a backup or to verify. */
export const COPY_HEAP_MB = 48;
/** The ingest thread holds one request's objects at a time. */
export const INGEST_HEAP_MB = 256;

// --- dashboard password
export const LOCKOUT_FAILURES = 10;
/** Wrong passwords that are answered at once; the answer to each further one waits this much longer. */
export const LOCKOUT_FREE_FAILURES = 3;
export const LOCKOUT_SLOW_MS = 100;
export const LOCKOUT_WINDOW_MS = 60_000;
export const LOCKOUT_MS = 60_000;
/** While an address is locked, how often a password of somebody known there is looked at, and who is known. */
export const LOCKOUT_LOOK_MS = 6_000;
export const LOCKOUT_KNOWN_MS = 3_600_000;
/** Addresses whose failures are remembered; the one whose last failure is oldest goes first. */
export const LOCKOUT_ADDRESSES_MAX = 10_000;

// --- log output
/** UTF-16 code units of log lines that standard error has not taken; further lines are dropped, and counted. */
export const LOG_UNSENT_CHARS_MAX = 524_288;
/** How long the end of the process waits for a reader of standard output or error. */
export const LOG_FLUSH_MS = 1_000;

// --- HTTP
/** How long a request may take to arrive: a slow line needs minutes for a large chunk. */
export const REQUEST_MS_MAX = 300_000;
/** How long its headers may take, counted from the connection. */
export const HEADERS_MS_MAX = 10_000;
/** How often connections are checked against these bounds. */
export const CONNECTION_CHECK_MS = 2_000;
export const KEEP_ALIVE_MS = 72_000;
/** Connections at once, each with a small body under way: docs/deploy.md has the sum of all that is held. */
export const CONNECTIONS_MAX = 6_144;
/** Descriptors that connections leave to files and to the engine's own. */
export const FILES_RESERVED = 256;
/** Refused connections that may read their answer, and for how long. */
export const LINGERING_MAX = 64;
export const REFUSED_LINGER_MS = 1_000;
/** The least time between two log lines about a full queue, or about a body that a reader failed at. */
export const REFUSAL_LOG_MS = 10_000;
/** Bytes of unfinished bodies over all connections; beyond it the oldest one is cut off. */
export const UNFINISHED_BYTES_MAX = 64 * 1_048_576;
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
assert(2 * PROPS_ANSWER_BYTES_MAX <= ANSWER_BYTES_MAX, 'an answer has room for one event');
assert(
  LIST_LIMIT_MAX * (6 * TEXT_MAX + 64) <= ANSWER_BYTES_MAX,
  'a list of names fits an answer, each character escaped',
);
assert(BODY_BYTES_DEFAULT <= QUEUE_BYTES_MAX, 'the queue holds at least one body');
