/** The thread of one job (`run-job.ts`). */
import '../../telemetry/source-maps.js';
import { parentPort, workerData } from 'node:worker_threads';
import type { Erasure, OnProgress, Progress } from '../port.js';
import { type PlainError, toPlain } from '../threads/rpc.js';
import { compactStore } from './compact.js';
import { carryOutErasure, eraseUser } from './erase.js';
import { copyLive } from './live-copy.js';
import { rebuildStore } from './rebuild.js';

/** Progress is told no more often. */
const EVERY_MS = 100;

const jobs = {
  erase: (dataDir: string, onProgress: OnProgress, erasure: Erasure) =>
    eraseUser(dataDir, erasure, onProgress),
  finishErasure: (dataDir: string, onProgress: OnProgress, erasure: Erasure) =>
    carryOutErasure(dataDir, erasure, onProgress),
  compact: compactStore,
  rebuild: rebuildStore,
  copy: (dataDir: string, onProgress: OnProgress, folder: string) => copyLive(dataDir, folder, onProgress),
};

export type Jobs = typeof jobs;
export interface JobData {
  dataDir: string;
  job: keyof Jobs;
  subject: unknown[];
}
export type FromJob = { progress: Progress } | { answer: unknown } | { error: PlainError };

const post = (message: FromJob): void => parentPort?.postMessage(message);
let next = 0;
const onProgress = ({ done, total }: Progress): void => {
  if (performance.now() < next) return;
  next = performance.now() + EVERY_MS;
  post({ progress: { done, total } });
};
const { dataDir, job, subject } = workerData as JobData;
await jobs[job](dataDir, onProgress, ...(subject as [never])).then(
  (answer) => post({ answer }),
  (error) => post({ error: toPlain(error) }),
);
