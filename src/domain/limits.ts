/** Every fixed number of the collector in one place, with the relations between them checked at start. */
import assert from 'node:assert/strict';

export const DAY_MS = 86_400_000;
export const HOUR_MS = DAY_MS / 24;
/** The greatest time the log can hold: keys carry times as 48-bit integers. */
export const MAX_TS = 2 ** 48 - 1;
export const MAX_ID = Number.MAX_SAFE_INTEGER;

// --- events, as the contract bounds them (lengths in UTF-16 code units, as JavaScript counts)
export const APP_NAME_MAX = 64;
export const USER_ID_MAX = 256;
export const SESSION_ID_MAX = 128;
/** `name` and `url` are cut here, not refused. */
export const TEXT_MAX = 2_048;
export const PERSON_TEXT_MAX = 256;
export const BATCH_ID_MIN = 8;
export const BATCH_ID_MAX = 64;
export const JSON_DEPTH_MAX = 64;
export const BODY_BYTES_DEFAULT = 1_048_576;
export const CHUNK_BYTES_DEFAULT = 8_388_608;
/** Chunks are held whole while they are written, so a larger limit is more than this process should be asked for. */
export const CHUNK_BYTES_MAX = 256 * 1_048_576;
/** What an app may store of replays in an hour: a thousand people's, by a wide margin. */
export const REPLAY_HOUR_BYTES_DEFAULT = 4 * 1_073_741_824;
/** Free space below which replays are refused, and a lower one for events: the rest is for the operator to clean up with. */
export const REPLAY_FREE_BYTES_DEFAULT = 1_073_741_824;
export const EVENTS_FREE_BYTES_DEFAULT = 256 * 1_048_576;
/** When a client told that the disk is full may come again. */
export const DISK_RETRY_AFTER_S = 60;
export const CHUNK_SEQ_MAX = 1_000_000;

// --- clocks
/** A client clock further off than this shifts the whole request. */
export const CLOCK_SKEW_MS = 60_000;
/** Without `sent_at`, a time further ahead than this becomes the time of receipt. */
export const FUTURE_MS = 3_600_000;
/** How long a `batch_id` is remembered. */
export const SEEN_MS = 7 * DAY_MS;

// --- queries
export const LIST_LIMIT_DEFAULT = 100;
export const LIST_LIMIT_MAX = 500;
/** Code units of text after which a page of events ends, whatever its limit: one event may have a body's worth. */
export const LIST_TEXT_MAX = 4 * 1_048_576;
export const TAIL_TEXT_MAX = 65_536;
export const TOP_LIMIT_DEFAULT = 10;
export const TOP_LIMIT_MAX = 100;
export const FUNNEL_STEPS_MIN = 2;
export const FUNNEL_STEPS_MAX = 20;
export const INCIDENT_BEFORE_MS = 60_000;
export const INCIDENT_AFTER_MS = 10_000;
/** A read that runs longer fails whole: a held snapshot keeps the store from reusing its pages. */
export const READ_MS_MAX = 5_000;

// --- the log
export const BATCH_EVENTS_MAX = 256;
/** Greatest distance between the first and last `ts` of a record batch; range reads rely on it. */
export const BATCH_SPAN_MS = 60_000;

// --- the write queue
export const QUEUE_REQUESTS_MAX = 2_048;
export const QUEUE_BYTES_MAX = 32 * 1_048_576;
export const RETRY_AFTER_S = 1;
/** How long a stop may take to finish what was accepted. */
export const SHUTDOWN_MS = 10_000;

// --- the journal
/** Requests, and bytes of their bodies, that one commit group takes; the rest forms the next one. */
export const GROUP_REQUESTS_MAX = 128;
export const GROUP_BODY_BYTES_MAX = 4 * 1_048_576;
/** A journal file that has grown to this gives its turn to the other one as soon as that is free. */
export const JOURNAL_TURN_BYTES = 8 * 1_048_576;
/** Commit groups that wait for the writer to apply them: beyond this, no more are made until it has caught up. */
export const UNAPPLIED_BYTES_MAX = 32 * 1_048_576;
/** The writer applies what waits once it is this much, or a read asks for it, or a while after the last time. */
export const APPLY_BYTES = 4 * 1_048_576;
/** That while: so many times as long as applying took, so that load makes for fewer and larger transactions. */
export const APPLY_PAUSE_FACTOR = 4;
export const APPLY_PAUSE_MS_MAX = 250;

// --- the stream
export const STREAM_HEARTBEAT_MS = 5_000;
/** How many may follow at once; more are asked to come back later. */
export const STREAM_READERS_MAX = 500;
/** Events read from the log at a time. */
export const STREAM_PAGE_EVENTS = 256;
/** The least time between two reads for those who follow live: one read serves every commit in between. */
export const STREAM_PAUSE_MS = 20;
/** A reader with more than this waiting to be sent is dropped; it may come back with the id it has. */
export const STREAM_BUFFER_BYTES_MAX = 1_048_576;
/** A reader that takes nothing at all for this long is dropped too. */
export const STREAM_STALL_MS = 30_000;

// --- dashboard password
export const LOCKOUT_FAILURES = 10;
/** Wrong passwords that are answered at once, and how much longer than the last each one after them waits. */
export const LOCKOUT_FREE_FAILURES = 3;
export const LOCKOUT_SLOW_MS = 100;
export const LOCKOUT_WINDOW_MS = 60_000;
export const LOCKOUT_MS = 60_000;
/** Addresses whose failures are remembered; the one unheard of for longest goes first. */
export const LOCKOUT_ADDRESSES_MAX = 10_000;

// --- HTTP
/** How long a request may take to arrive; a slow line needs minutes for a large chunk. */
export const REQUEST_MS_MAX = 300_000;
/** How long its headers may take, from the moment a connection is there; a connection that says nothing ends with it. */
export const HEADERS_MS_MAX = 10_000;
/** How often connections are looked through for those that took too long. */
export const CONNECTION_CHECK_MS = 2_000;
/** How long a connection may wait for its next request. */
export const KEEP_ALIVE_MS = 72_000;
/** How often the log may hear that requests are turned away because of a full queue. */
export const REFUSAL_LOG_MS = 10_000;
/** Bytes of bodies that have begun and not ended, over all connections; beyond it the one under way for longest is given up. */
export const UNFINISHED_BYTES_MAX = 128 * 1_048_576;
/** Smaller bodies are not looked at: a connection costs as much by itself. */
export const SMALL_BODY_BYTES = 16_384;
/** Bytes of replay chunks on their way to the disk; more of them are asked to come back. */
export const CHUNKS_BYTES_MAX = 64 * 1_048_576;
/** How long a client that sends too much may go on sending before its connection is cut. */
export const LINGER_MS = 30_000;

/** LMDB's greatest key with 4 KiB pages. */
export const KEY_BYTES_MAX = 1_978;

assert(USER_ID_MAX * 3 + 32 <= KEY_BYTES_MAX, 'a user id fits a key');
assert(SESSION_ID_MAX * 3 + 32 <= KEY_BYTES_MAX, 'a session id fits a key');
assert(DAY_MS % BATCH_SPAN_MS === 0, 'a record batch can be cut at midnight');
assert(BODY_BYTES_DEFAULT <= QUEUE_BYTES_MAX, 'the queue holds at least one body');
