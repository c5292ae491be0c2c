/**
 * The ingest thread: reads raw requests, makes commit groups of the valid ones, and writes these to the WAL.
 * Requests that arrive while a group waits for the disk are the next group: no timer holds a request back.
 */
import '../../telemetry/source-maps.js';
import { parentPort, workerData } from 'node:worker_threads';
import { RETRY_AFTER_S } from '../../domain/limits.js';
import type { Refusal } from '../../domain/problems.js';
import type { IngestOptions } from '../../ingest/ingest.js';
import { Intake, type Taken, unread } from '../../ingest/intake.js';
import type { IngestMessage } from '../../ingest/messages.js';
import { reason, StoreUnusable } from '../../log/file/data-dir.js';
import { FenceAhead } from '../../log/wal/commit.js';
import { openMeters } from '../../telemetry/meters.js';
import { StoreFailed } from '../port.js';
import { type IngestCommits, openIngestCommits } from './ingest-commits.js';
import type {
  CommitGroupMessage,
  EndMessage,
  FromIngest,
  IngestData,
  IngestSettings,
  WriterToIngest,
} from './messages.js';
import { answer, type Call, toPlain } from './rpc.js';

if (!parentPort) throw new Error('the ingest thread must be started by openStore');
const port = parentPort;
const post = (message: FromIngest): void => port.postMessage(message);
const { dataDir, gone, meterMemory, writer, ...settings } = workerData as IngestData;
const meters = openMeters(meterMemory);
const FENCE_NOTICE_MS = 60_000;
const FENCE_RETRY_AFTER_S = 60;

/** LMDB's errors have numbers. After a failed transaction LMDB refuses reads too. */
const isOfLmdb = (error: Error): boolean => typeof (error as { code?: unknown }).code === 'number';

/** Says at most once a minute that the fence is wrong. */
function openFenceNotice() {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (error: Error): void => {
    if (performance.now() - saidAt < FENCE_NOTICE_MS) return;
    saidAt = performance.now();
    post({ kind: 'notice', level: 'warn', text: `events are refused: ${error.message}` });
  };
}
const noticeFence = openFenceNotice();

function refuse({ error }: { error: Error }): Refusal {
  if (error instanceof FenceAhead) {
    noticeFence(error);
    return { code: 'not_accepting', detail: error.message, retryAfterS: FENCE_RETRY_AFTER_S };
  }
  if (error instanceof StoreFailed || isOfLmdb(error)) {
    return { code: 'not_accepting', detail: error.message, retryAfterS: RETRY_AFTER_S };
  }
  return { code: 'internal', detail: 'the batch could not be stored' };
}

/** If it cannot be loaded, the bodies that need it are refused. */
async function loadExact(): Promise<IngestOptions['readExact']> {
  try {
    return (await import('../../ingest/exact-reader.js')).readExact;
  } catch (error) {
    const text = `some bodies are refused until the collector is started again: ${reason(error)}`;
    post({ kind: 'notice', level: 'error', text });
    return () => {
      throw error;
    };
  }
}

/** Stores what is valid as one group, and answers. */
function store(commits: IngestCommits, { valid, refusals }: Taken): void {
  const outcomes = valid.length > 0 ? commits.commit(valid.map(({ batch }) => batch)) : [];
  const places = valid.map(({ place }) => place);
  outcomes.forEach((outcome, index) => {
    if ('error' in outcome) refusals.push([places[index] ?? 0, refuse(outcome)]);
  });
  post({ kind: 'ingested', places, refusals, commit: commits.pending.newest() });
}

/** The answers are durable; each names the commit that reads have to see. */
export type IngestCalls = ReturnType<typeof openCalls>;
function openCalls(commits: IngestCommits, configure: (settings: IngestSettings) => void) {
  const { pending, stats, timeEvidence } = commits;
  return {
    timeEvidence,
    configure,
    stats: () => stats,
    appNumber(app: string) {
      const number = commits.appNumber(app);
      return { number, commit: pending.newest(), isApplied: commits.isAppApplied(app) };
    },
    raiseFence(fence: number): number {
      pending.raiseFence(fence);
      return pending.newest();
    },
    lowerFence: pending.lowerFence,
  };
}

function openCommits(): IngestCommits | undefined {
  try {
    const sendGroup = (bytes: Buffer): void => {
      const message: CommitGroupMessage = { kind: 'group', bytes };
      writer.postMessage(message, [bytes.buffer as ArrayBuffer]);
    };
    const sayFailed = (error: Error): void => post({ kind: 'failed', error: toPlain(error) });
    return openIngestCommits(dataDir, meters, sendGroup, sayFailed);
  } catch (error) {
    post({ kind: 'unusable', error: toPlain(new StoreUnusable((error as Error).message)) });
    return undefined;
  }
}

function start(): void {
  const commits = openCommits();
  if (!commits) return;
  const intake = new Intake({
    gone,
    loadExact,
    // While the writer is behind, no more groups are made.
    isReady: () => !commits.isFull(),
    take: (taken) => store(commits, taken),
    onError: (error) => post({ kind: 'notice', level: 'error', text: unread(error) }),
  });
  intake.configure(settings);
  const calls = openCalls(commits, (changed) => intake.configure(changed));
  writer.on('message', (message: WriterToIngest) => {
    if (message.kind === 'opened') return;
    commits.applied(message.commit);
    intake.drainSoon();
  });
  port.on('message', (message: IngestMessage | Call | EndMessage) => {
    if (message.kind === 'call') void answer(calls, message).then(post);
    else if (message.kind === 'ingest') intake.push(message);
    else {
      intake.clear();
      void commits.close().then(() => process.exit());
    }
  });
  // Reads wait for what the last run acknowledged.
  post({ kind: 'ingested', places: [], refusals: [], commit: commits.pending.newest() });
  post({ kind: 'ready' });
}

const endEarly = ({ kind }: EndMessage): void => {
  if (kind === 'end') process.exit();
};
port.on('message', endEarly);
writer.once('message', () => {
  port.off('message', endEarly);
  start();
});
