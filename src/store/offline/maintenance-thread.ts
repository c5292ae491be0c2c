/** The thread of one piece of maintenance (`maintenance.ts`). */
import { parentPort, workerData } from 'node:worker_threads';
import type { Erasure, Progress } from '../port.js';
import { type PlainError, toPlain } from '../threads/rpc.js';
import { type CompactReport, compactStore } from './compact.js';
import { eraseUser } from './erase.js';
import { copyLive } from './live-copy.js';
import { rebuildStore } from './rebuild.js';

if (!parentPort) throw new Error('this thread must be started by openMaintenance');
const port = parentPort;
type OnProgress = (progress: Progress) => void;

/** Progress is told no more often. */
const EVERY_MS = 100;

const JOBS = {
  erase: (dataDir: string, erasure: Erasure, onProgress: OnProgress) =>
    eraseUser(dataDir, erasure, onProgress),
  compact: (dataDir: string, _: undefined, onProgress: OnProgress): Promise<CompactReport> =>
    compactStore(dataDir, onProgress),
  rebuild: (dataDir: string, _: undefined, onProgress: OnProgress) => rebuildStore(dataDir, onProgress),
  copy: (dataDir: string, folder: string, onProgress: OnProgress) => copyLive(dataDir, folder, onProgress),
};

export type Jobs = typeof JOBS;
export type FromMaintenance = { progress: Progress } | { answer: unknown } | { error: PlainError };

const post = (message: FromMaintenance): void => port.postMessage(message);
let next = 0;
const onProgress = ({ done, total }: Progress): void => {
  if (Date.now() < next) return;
  next = Date.now() + EVERY_MS;
  post({ progress: { done, total } });
};
const { dataDir, job, subject } = workerData as { dataDir: string; job: keyof Jobs; subject: never };
await JOBS[job](dataDir, subject, onProgress).then(
  (answer) => post({ answer }),
  (error) => post({ error: toPlain(error) }),
);
